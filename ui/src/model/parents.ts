// The jobs that a job runs after. Dkron's `parent_job` has room only for the first of them. Pure.

import type { Edge } from "../api/jobs";

export const OUTCOMES = { success: "", failure: " (if it fails)", always: " (however it ends)" };

/** These jobs in words: a, b (if it fails). */
export function parentsInWords(parents: readonly Edge[]): string {
  return parents.map(({ job, when }) => job + OUTCOMES[when]).join(", ");
}

/** Whether these are more than `parent_job` says: a save that changes it replaces them all. */
export function saysMore(parents: readonly Edge[]): boolean {
  return parents.length > 1 || parents.some(({ when }) => when !== "success");
}
