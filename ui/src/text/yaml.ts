// A job as the manifest of a DkronJob. Pure.

import type { Job } from "../api/client";

/** The fields of Dkron's JSON and of the custom resource, as `dkron_api.translate.spec` maps them. */
export const FIELDS: readonly [keyof Job, string][] = [
  ["displayname", "displayName"],
  ["owner", "owner"],
  ["owner_email", "ownerEmail"],
  ["schedule", "schedule"],
  ["timezone", "timezone"],
  ["disabled", "disabled"],
  ["concurrency", "concurrency"],
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

const OBJECT_NAME = /^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$/;

/** The manifest. A name that Kubernetes does not allow for an object stands in `spec.name`. */
export function manifest(job: Job): string {
  const fits = OBJECT_NAME.test(job.name);
  const spec: Record<string, unknown> = fits ? {} : { name: job.name };
  for (const [field, name] of FIELDS) {
    const value = job[field];
    if (!isEmpty(value) && !(field === "concurrency" && value === "allow")) spec[name] = value;
  }
  const object = {
    apiVersion: "dkron.io/v1alpha1",
    kind: "DkronJob",
    metadata: fits ? { name: job.name } : { generateName: "job-" },
    spec,
  };
  return block(object, "");
}

function block(value: object, indent: string): string {
  return Object.entries(value)
    .map(([key, inner]) => {
      const name = /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(key) && !RESERVED.test(key) ? key : JSON.stringify(key);
      if (inner !== null && typeof inner === "object") return `${indent}${name}:\n${block(inner, `${indent}  `)}`;
      return `${indent}${name}: ${scalar(inner)}\n`;
    })
    .join("");
}

const RESERVED = /^(y|n|yes|no|on|off|true|false|null|~)$/i;
const PLAIN_TEXT = /^[A-Za-z/][A-Za-z0-9/_.-]*$/;

function scalar(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return PLAIN_TEXT.test(value) && !RESERVED.test(value) ? value : JSON.stringify(value);
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "" || value === false || value === 0) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
