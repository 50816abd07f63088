// Backfills, pauses and policies as people read them. Pure.

import type { Backfill, BackfillBody, BackfillSlot } from "../api/backfills";
import type { Pause } from "../api/pauses";
import type { State } from "./state";

/** The shape for how a backfill stands. */
export const BACKFILL_ICONS: Record<Backfill["state"], State> = {
  planning: "waiting",
  running: "running",
  suspended: "disabled",
  planned: "untriggered",
  succeeded: "success",
  failed: "failed",
  stopped: "failed",
  refused: "failed",
};

export const SLOT_ICONS: Record<BackfillSlot["state"], State> = {
  waiting: "waiting",
  pending: "waiting",
  running: "running",
  succeeded: "success",
  failed: "failed",
  refused: "failed",
  gone: "partially_failed",
};

/** Whether runs of it may still begin or end. */
export function isUnderWay({ state }: Backfill): boolean {
  return state === "planning" || state === "running" || state === "suspended";
}

/** `12 of 40 ended, 1 failed`. */
export function progressOf({ status }: Backfill): string {
  if (!status.plan) return "";
  const ended = status.succeeded + status.failed;
  const parts = [`${ended} of ${status.plan.count} ended`];
  if (status.failed) parts.push(`${status.failed} failed`);
  if (status.active) parts.push(`${status.active} active`);
  return parts.join(", ");
}

/** `40 slots of 3 jobs`. */
export function extentOf({ count, jobs }: { count: number; jobs: number }): string {
  const slots = count === 1 ? "1 slot" : `${count} slots`;
  return jobs > 1 ? `${slots} of ${jobs} jobs` : slots;
}

/** `team=data, tier=1`. */
export function labels(selector: Record<string, string> | null | undefined): string {
  return Object.entries(selector ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

/** The labels in a text such as `team=data, tier=1`; undefined if it is none. */
export function readLabels(text: string): Record<string, string> | undefined {
  const found: Record<string, string> = {};
  for (const part of text.split(",").map((each) => each.trim())) {
    if (!part) continue;
    const [key = "", value, ...more] = part.split("=").map((each) => each.trim());
    if (!key || value === undefined || more.length) return undefined;
    found[key] = value;
  }
  return found;
}

/** The names in a text with commas or spaces between them. */
export function readNames(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))];
}

/** A text of names, divided before the last of them, which is being typed: `a, b` is `a, ` and `b`. */
export function lastName(text: string): [string, string] {
  const at = text.search(/[^\s,]*$/);
  return [text.slice(0, at), text.slice(at)];
}

/** Which jobs a backfill is of. */
export function jobsOf({ job, selector }: Pick<Backfill, "job" | "selector">): string {
  if (job) return job;
  const text = labels(selector);
  return text ? `jobs with ${text}` : "all jobs";
}

/** Which jobs a pause selects. */
export function pausedJobs({ jobs, selector, all_namespaces }: Pause): string {
  const where = all_namespaces ? " in all namespaces" : "";
  if (jobs.length) return jobs.join(", ") + where;
  const text = labels(selector);
  return (text ? `jobs with ${text}` : "all jobs") + where;
}

/** Whether it holds each job of the namespace, or will as soon as the operator sees it. */
export function isForAll(pause: Pause): boolean {
  return isInForce(pause) && pause.jobs.length === 0 && Object.keys(pause.selector).length === 0;
}

/** Whether it holds its jobs, or will as soon as the operator sees it. */
export function isInForce({ state }: Pick<Pause, "state">): boolean {
  return state === "holds" || state === "unseen";
}

/** The first of the pauses that names the job, or holds all. One that goes by labels is not told by the job's name. */
export function pauseOf(job: string, pauses: readonly Pause[]): Pause | undefined {
  return pauses.find((each) => isForAll(each) || (isInForce(each) && each.jobs.includes(job)));
}

/** ` by ann: the database moves`, to stand behind a word. */
export function whoAndWhy({ paused_by, reason }: Pause): string {
  const by = paused_by ? ` by ${paused_by}` : "";
  return `${by}${reason ? `: ${reason}` : ""}`;
}

/** The effect of a pause's end. */
export function resumedInWords({ jobs, when_resumed }: Pick<Pause, "jobs" | "when_resumed">): string {
  const runs = jobs.length === 1 ? "It runs by schedule again." : "They run by schedule again.";
  const rule = `counts as missed: the rule of ${jobs.length === 1 ? "the job" : "each job"} says which of it runs`;
  return `${runs} What came due meanwhile ${when_resumed === "drop" ? "is skipped" : rule}.`;
}

/** How an API word reads. */
export const PAUSE_WORDS: Record<Pause["state"], string> = {
  holds: "holds",
  unseen: "beginning…",
  expired: "has ended",
  not_allowed: "has no effect here",
  too_many: "has no effect: too many older ones",
  invalid: "cannot be read",
};

/** The text of a field of type datetime-local for a time: in UTC, or in the reader's zone. */
export function fieldTime(at: number, utc: boolean): string {
  const shifted = utc ? at : at - new Date(at).getTimezoneOffset() * 60_000;
  return new Date(shifted).toISOString().slice(0, 19).replace(/:00$/, "");
}

/** The time in a field of this type, as the API takes it; empty for what is no time. */
export function readFieldTime(text: string, utc: boolean): string {
  const found = Date.parse(utc && text ? `${text}Z` : text);
  return Number.isNaN(found) ? "" : new Date(found).toISOString().replace(".000Z", "Z");
}

/** Whether two bodies ask for the same runs. */
export function sameRuns(one: BackfillBody | undefined, other: BackfillBody): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
