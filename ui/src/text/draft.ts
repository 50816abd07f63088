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

export type Draft = Record<string, unknown>;

/** What a new job begins with. */
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

/** Whether two versions of a job are the same but for what runs change. */
export function sameDefinition(a: object, b: object): boolean {
  return JSON.stringify(draftOf(a)) === JSON.stringify(draftOf(b));
}

/** The job that a text of JSON means, or why it is none. */
export function parsed(text: string): { draft: Draft } | { error: string } {
  try {
    const found: unknown = JSON.parse(text);
    if (found === null || typeof found !== "object" || Array.isArray(found))
      return { error: "A job is a JSON object: { … }." };
    return { draft: found as Draft };
  } catch (error) {
    return { error: error instanceof Error ? error.message : "This is not JSON." };
  }
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
