// A definition of a job as YAML, by the names of the REST API. It is loaded when YAML is asked for. Pure.

import { dump, load, YAMLException } from "js-yaml";
import type { Job } from "../api/client";
import { type Draft, isObject } from "./draft";
import { chosen } from "./queue";

/** The fields of Dkron's JSON and of the custom resource, as `dkron_api.translate.spec` maps them. */
const FIELDS: readonly [keyof Job, string][] = [
  ["displayname", "displayName"],
  ["owner", "owner"],
  ["owner_email", "ownerEmail"],
  ["schedule", "schedule"],
  ["timezone", "timezone"],
  ["disabled", "disabled"],
  ["concurrency", "concurrency"],
  ["queue", "queue"],
  ["retries", "retries"],
  ["parent_job", "parentJob"],
  ["tags", "tags"],
  ["metadata", "metadata"],
  ["executor", "executor"],
  ["executor_config", "executorConfig"],
  ["processors", "processors"],
  ["ephemeral", "ephemeral"],
  ["starts_at", "startsAt"],
  ["expires_at", "expiresAt"],
];

/** Levels of a job, and some more. */
const DEEPEST = 8;
/** References to other values: a job needs none, and references to references grow without end. */
const MOST_ALIASES = 20;

export function yamlOf(draft: Draft): string {
  return dump(draft, { noRefs: true, lineWidth: -1 });
}

/** The job that a text of YAML means, by the names of REST or as the manifest of a DkronJob; or why it is none. */
export function readYaml(text: string): { draft: Draft } | { error: string } {
  try {
    const found: unknown = load(text, { maxDepth: DEEPEST, maxAliases: MOST_ALIASES });
    if (!isObject(found)) return { error: "A job is a mapping, such as: name: nightly" };
    return "kind" in found || "apiVersion" in found ? ofManifest(found) : { draft: found };
  } catch (error) {
    if (!(error instanceof YAMLException)) return { error: `This is not YAML: ${String(error)}` };
    const line = error.mark ? `, in line ${error.mark.line + 1}` : "";
    return { error: `This is not YAML: ${error.reason}${line}.` };
  }
}

/** The fields about further runs, by the names of REST: there, a queue goes with `forbid`. */
function concurrencyOf({ concurrency, queue }: Draft): Draft {
  if (concurrency !== "queue") return queue === undefined ? {} : { queue: null };
  return chosen("queue", { queue });
}

function ofManifest({ kind, metadata, spec }: Draft): { draft: Draft } | { error: string } {
  if (kind !== "DkronJob") return { error: `This is a ${String(kind)}; only the manifest of a DkronJob is a job.` };
  if (!isObject(spec)) return { error: "The manifest has no spec." };
  const names = new Map<string, string>(FIELDS.map(([field, name]) => [name, field]));
  const draft: Draft = { name: (isObject(metadata) && metadata.name) || "" };
  for (const [name, value] of Object.entries(spec)) {
    const field = name === "name" ? name : names.get(name);
    if (!field) return { error: `Only a DkronJob has ${name}: apply this manifest with kubectl.` };
    draft[field] = value;
  }
  return { draft: { ...draft, ...concurrencyOf(draft) } };
}
