// A run, seen from its attempts: when it was planned, how late it began, how long it took. Pure.

import type { Execution } from "../api/client";
import { instant } from "./time";

/** How an attempt ended, or that it did not yet. */
export type Result = "success" | "failed" | "running" | "waiting";

export function result(execution: Execution): Result {
  if (instant(execution.finished_at) === undefined) return isWaiting(execution) ? "waiting" : "running";
  return execution.success ? "success" : "failed";
}

/** Whether one of these waits. */
export function hasWaiting(executions: readonly Execution[]): boolean {
  return executions.some(isWaiting);
}

/** Whether it waits in line: since when is known, and it has not begun. */
function isWaiting({ queued_at, started_at }: Execution): boolean {
  return instant(queued_at) !== undefined && instant(started_at) === undefined;
}

/** Whether Kueue has stopped it, so that it waits again. Nothing tells since when. */
export function waitsAgain({ details }: Pick<Execution, "details">): boolean {
  return Boolean(details?.local_queue && details.evictions);
}

/** When it began, or since when it waits in line; empty if it waits again. */
export function sinceOf(execution: Execution): string {
  if (waitsAgain(execution)) return "";
  return (isWaiting(execution) && execution.queued_at) || execution.started_at;
}

/** Whether it has ended. */
export function isOver(execution: Execution): boolean {
  return instant(execution.finished_at) !== undefined;
}

/** The slot or the request that caused the run, in milliseconds since 1970; undefined for very old records. */
export function planned(execution: Execution): number | undefined {
  return execution.group ? execution.group / 1e6 : undefined;
}

/** The slot that a run on request stands for, unless that is the time of the request. */
export function standsFor(execution: Execution): number | undefined {
  const slot = Date.parse(execution.details?.slot ?? "");
  const at = planned(execution);
  return Number.isNaN(slot) || at === undefined || Math.abs(slot - at) < 1000 ? undefined : slot;
}

/** Whether a user ended it on purpose. */
export function isStopped({ details }: Pick<Execution, "details">): boolean {
  return details?.reason === "Stopped";
}

/** Whether a user stopped it before it began. Only then its beginning and its end are one time, without an exit code. */
export function neverBegan(execution: Execution): boolean {
  const { started_at, finished_at, details } = execution;
  return isStopped(execution) && details?.exit_code === undefined && instant(started_at) === instant(finished_at);
}

/** Whether a user stopped the newest run: the last attempt of each member that failed. The newest execution is first. */
export function wasStopped(executions: readonly Execution[]): boolean {
  const [newest] = executions;
  const last = new Map(newest && attemptsOf(newest, executions).map((each) => [each.details?.member, each]));
  const failed = [...last.values()].filter((each) => result(each) === "failed");
  return failed.length > 0 && failed.every(isStopped);
}

/** The last line of its output that is not empty. */
export function lastLine({ output }: Pick<Execution, "output">): string {
  return (output ?? "").trim().split("\n").pop() ?? "";
}

/** What exit codes of a shell mean. */
const EXITS: Readonly<Record<number, string>> = {
  126: "not executable",
  127: "command not found",
  137: "killed, perhaps for its memory",
  143: "terminated",
};

/** Why it failed, in a few words; empty for one that did not. Of one that a user stopped, the exit code tells nothing. A
 * time in it is one of the API. */
export function whyFailed(execution: Execution): string {
  if (result(execution) !== "failed") return "";
  if (isStopped(execution)) {
    const early = neverBegan(execution) ? ` before ${(execution.attempt ?? 1) > 1 ? "the attempt" : "it"} began` : "";
    return stoppedInWords(execution.details?.message) + early;
  }
  const { exit_code: code, reason } = execution.details ?? {};
  const meaning = EXITS[code ?? 0];
  const words = code === undefined ? "" : `exit code ${code}${meaning ? ` (${meaning})` : ""}`;
  return [reason, words].filter(Boolean).join(", ");
}

/** `stopped by ann at 2026-11-27T12:00:00Z`, of the message that the operator records. */
function stoppedInWords(message = ""): string {
  const [, at, who] = /^asked for(?: at (\S+))?(?: by (.*))?$/s.exec(message) ?? [];
  return `stopped${who ? ` by ${who}` : ""}${at ? ` at ${at}` : ""}`;
}

/** Milliseconds between the cause of the run and its start, or when it began to wait in line. Later attempts wait for a
 * backoff: undefined for them. */
export function lateness(execution: Execution): number | undefined {
  const began = instant(execution.queued_at) ?? instant(execution.started_at);
  const due = planned(execution);
  if (began === undefined || due === undefined || (execution.attempt ?? 1) > 1) return undefined;
  return Math.max(0, began - due);
}

/** Milliseconds from the creation of its Kubernetes Job to its start; undefined where that is not known. */
export function queued({ started_at, details }: Execution): number | undefined {
  const [created, began] = [instant(details?.created_at), instant(started_at)];
  return created === undefined || began === undefined ? undefined : Math.max(0, began - created);
}

/** Milliseconds that it took, or has taken until `now`. */
export function taken(execution: Execution, now: number): number {
  const began = instant(execution.started_at) ?? now;
  return Math.max(0, (instant(execution.finished_at) ?? now) - began);
}

/** The attempts of the same run, member by member, the first attempt first. */
export function attemptsOf(execution: Execution, all: readonly Execution[]): Execution[] {
  const same = all.filter((each) => each.group === execution.group && each.job_name === execution.job_name);
  const member = (each: Execution) => each.details?.member ?? "";
  return same.sort(
    (a, b) =>
      member(a).localeCompare(member(b), "en", { numeric: true }) ||
      (a.attempt ?? 1) - (b.attempt ?? 1) ||
      a.id.localeCompare(b.id),
  );
}

/** The address that shows the trace of an execution; undefined if there is none, or one that a browser would run. */
export function traceLink({ details }: Execution): string | undefined {
  return details?.trace_url && /^https?:\/\//.test(details.trace_url) ? details.trace_url : undefined;
}

/** How many of these succeeded and failed, for screen readers: `12 succeeded, 1 failed, 1 running, 2 waiting`. */
export function summary(executions: readonly Execution[]): string {
  const counts = { success: 0, failed: 0, running: 0, waiting: 0 };
  for (const each of executions) counts[result(each)]++;
  const words = [];
  if (counts.success) words.push(`${counts.success} succeeded`);
  if (counts.failed) words.push(`${counts.failed} failed`);
  if (counts.running) words.push(`${counts.running} running`);
  if (counts.waiting) words.push(`${counts.waiting} waiting`);
  return words.join(", ") || "no runs yet";
}
