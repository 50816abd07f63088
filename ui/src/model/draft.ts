// A job that is being edited: what of it is its definition, and how the form reads and writes it. Pure.

/** The fields that a client sets, in the order in which Dkron shows them. */
export const EDITABLE = [
  "name",
  "displayname",
  "schedule",
  "timezone",
  "parent_job",
  "disabled",
  "concurrency",
  "queue",
  "retries",
  "executor",
  "executor_config",
  "processors",
  "tags",
  "metadata",
  "owner",
  "owner_email",
  "ephemeral",
  "starts_at",
  "expires_at",
] as const;

/** What people call the fields. */
export const LABELS: Readonly<Record<string, string>> = {
  name: "Name",
  displayname: "Title",
  schedule: "Schedule",
  timezone: "Time zone",
  parent_job: "Runs after",
  disabled: "Disabled",
  concurrency: "While it runs",
  queue: "Line",
  retries: "Retries",
  executor: "Executor",
  executor_config: "Executor settings",
  processors: "Processors",
  tags: "Tags",
  metadata: "Metadata",
  owner: "Owner",
  owner_email: "Owner's address",
  ephemeral: "Ephemeral",
  starts_at: "Starts at",
  expires_at: "Expires at",
};

/** Fields that the API shows and only runs change. */
const READ_ONLY: ReadonlySet<string> = new Set([
  "id",
  "success_count",
  "error_count",
  "last_success",
  "last_error",
  "dependent_jobs",
  "status",
  "next",
  "problem",
]);

export type Draft = Record<string, unknown>;

/** The draft of a new job. */
export const BLANK: Draft = {
  name: "",
  schedule: "0 0 3 * * *",
  timezone: "",
  concurrency: "forbid",
  executor: "shell",
  executor_config: { command: "", shell: "true" },
};

/** The definition of a stored job, without what only runs change. */
export function draftOf(job: object): Draft {
  const of = job as Draft;
  return Object.fromEntries(EDITABLE.filter((key) => of[key] !== undefined).map((key) => [key, of[key]]));
}

/** The job that a text of JSON means, or why it is none. */
export function parsed(text: string): { draft: Draft } | { error: string } {
  try {
    const found: unknown = JSON.parse(text);
    return isObject(found) ? { draft: found } : { error: "A job is a JSON object: { … }." };
  } catch (error) {
    return { error: error instanceof Error ? error.message : "This is not JSON." };
  }
}

/** Sentences of a description that are shown at once. */
const BRIEF = 2;

/** The first sentences of a description, and the rest of it. */
export function briefly(text: string): [string, string] {
  const sentences = text.split(/(?<=\.) /);
  return [sentences.slice(0, BRIEF).join(" "), sentences.slice(BRIEF).join(" ")];
}

/** Whether a value is an object with keys. */
export function isObject(value: unknown): value is Draft {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The names in a draft that no job has: the server ignores them. */
export function unknownFields(draft: Draft): string[] {
  return Object.keys(draft).filter((key) => !(EDITABLE as readonly string[]).includes(key) && !READ_ONLY.has(key));
}

/** The pairs of an object of texts, in its order. */
export function pairsOf(value: unknown): [string, string][] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).map(([key, text]) => [key, String(text ?? "")]);
}

/** The object of these pairs; pairs without a name are left out, null stands for none. */
export function objectOf(pairs: readonly [string, string][]): Record<string, string> | null {
  const named = pairs.filter(([key]) => key !== "");
  return named.length ? Object.fromEntries(named) : null;
}
