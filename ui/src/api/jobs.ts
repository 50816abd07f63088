// Requests about jobs that more than one view sends.

import { api, ask, askJob, askList, askRun, type Begun, type Execution, type Job, type StateWord } from "./client";
import type { Keeper } from "./details";

/** A job that another one runs after, and which of its runs count. */
export interface Edge {
  readonly job: string;
  readonly when: "success" | "failure" | "always";
}

/** How a list of jobs is asked for; `page` counts from 0. */
export interface JobsWanted {
  q?: string;
  state?: string;
  disabled?: string;
  sort?: string;
  order?: string;
  start?: number;
  end?: number;
}

/** The fields of a job in a list: the whole of ten thousand would be megabytes. */
const LISTED = [
  "name",
  "displayname",
  "timezone",
  "schedule",
  "success_count",
  "error_count",
  "last_success",
  "last_error",
  "disabled",
  "parent_job",
  "status",
  "next",
  "problem",
  "kept_by",
  "parents",
  "paused",
  "words",
  "owner",
  "executor",
  "metadata",
] as const;

/** The fields that only a list has: not the body of a job, nor an event. */
type Demanded = "kept_by" | "parents" | "paused" | "words";

export type ListedJob = Pick<Job, Exclude<(typeof LISTED)[number], Demanded>> & {
  kept_by?: Keeper | null;
  parents?: readonly Edge[];
  paused?: string;
  words?: string;
};

export function listJobs(wanted: JobsWanted, signal?: AbortSignal): Promise<{ items: ListedJob[]; total: number }> {
  const query = {
    text: wanted.q || undefined,
    state: (wanted.state || undefined) as StateWord | "slow" | undefined,
    fields: [...LISTED],
    disabled: wanted.disabled || undefined,
    _sort: wanted.sort || undefined,
    _order: wanted.order || undefined,
    _start: wanted.start,
    _end: wanted.end,
  };
  const found = askList(api.GET("/v1/jobs", { params: { query }, signal }));
  return found as Promise<{ items: ListedJob[]; total: number }>;
}

/** The fields of a job in a suggestion. */
const SUGGESTED = ["name", "displayname", "schedule"] as const;
export type FoundJob = Pick<Job, (typeof SUGGESTED)[number]>;

/** Jobs among which those are looked for whose name has the text. */
const FOUND = 200;

/** The first `most` jobs that have this text, in any case: those with it in their name before those with it elsewhere. */
export async function findJobs(text: string, most: number, signal?: AbortSignal): Promise<FoundJob[]> {
  const query = { text, fields: [...SUGGESTED], _end: FOUND };
  const { items } = await askList(api.GET("/v1/jobs", { params: { query }, signal }));
  const isElsewhere = ({ name }: FoundJob) => Number(!name.includes(text.toLowerCase()));
  return (items as FoundJob[]).sort((a, b) => isElsewhere(a) - isElsewhere(b)).slice(0, most);
}

/** The jobs of a list, the first `most` of them. */
export async function allListed(wanted: JobsWanted, most: number): Promise<{ items: ListedJob[]; total: number }> {
  const items: ListedJob[] = [];
  let total = 0;
  for (let start = 0; start < most; start += ALL_PORTION) {
    const found = await listJobs({ ...wanted, start, end: Math.min(most, start + ALL_PORTION) });
    items.push(...found.items);
    total = found.total;
    if (start + ALL_PORTION >= total) break;
  }
  return { items, total };
}

/** Jobs of one request for many of a list. */
const ALL_PORTION = 500;

/** The fields of a job in a graph. */
const CHAINED = ["name", "schedule", "disabled", "parent_job", "dependent_jobs", "status", "parents"] as const;
export type ChainedJob = Pick<Job, Exclude<(typeof CHAINED)[number], "parents">> & { parents?: readonly Edge[] };

/** Jobs of one request for all of them, and of the last one. */
const PORTION = 2000;
const MOST = 20_000;

/** All jobs that run after others, or that others run after. */
export async function chainedJobs(signal?: AbortSignal): Promise<ChainedJob[]> {
  const found: ChainedJob[] = [];
  for (let start = 0; start < MOST; start += PORTION) {
    const query = { fields: [...CHAINED], _start: start, _end: start + PORTION };
    const { items, total } = await askList(api.GET("/v1/jobs", { params: { query }, signal }));
    found.push(...(items as ChainedJob[]).filter((job) => job.parent_job || job.dependent_jobs?.length));
    if (start + PORTION >= total) break;
  }
  return found;
}

export async function busy(signal?: AbortSignal): Promise<Execution[]> {
  return (await askList<Execution>(api.GET("/v1/busy", { signal }))).items;
}

/** The executions of a job, the newest first. `bytes` is how much of each output to bring. */
export async function executionsOf(
  job: string,
  bytes: number,
  signal?: AbortSignal,
  details = false,
): Promise<Execution[]> {
  const params = { path: { job_name: job }, query: { output_size_limit: bytes, details } };
  return (await askList<Execution>(api.GET("/v1/jobs/{job_name}/executions", { params, signal }))).items;
}

export function runJob(job: string): Promise<Begun> {
  const params = { path: { job_name: job }, query: { wait: "false" } };
  return askRun(job, api.POST("/v1/jobs/{job_name}/run", { params }));
}

/** Run a job once more with what an execution was given. Its values stay on the server. */
function repeatRun(job: string, execution: string, reason: string): Promise<Begun> {
  const params = { path: { job_name: job }, query: { wait: "false" } };
  return askRun(job, api.POST("/v1/jobs/{job_name}/run", { params, body: { repeat: execution, reason } }));
}

/** Run a job once more as an execution ran: with its slot, and with the values of a run that was asked for. Without an
 * execution, run it now. */
export async function repeatOf(job: string, execution: string | undefined): Promise<Begun> {
  if (!execution) return runJob(job);
  const params = { path: { job_name: job, execution }, query: { details: true } };
  const { details } = await ask<Execution>(api.GET("/v1/jobs/{job_name}/executions/{execution}", { params }));
  return runAgain(job, execution, details);
}

/** Run a job once more as this execution ran. */
export function runAgain(job: string, execution: string, details: Execution["details"]): Promise<Begun> {
  const reason = `again after ${execution}`.slice(0, 256);
  return details && !wasAskedFor(details) ? runSlotAgain(job, details.slot, reason) : repeatRun(job, execution, reason);
}

/** Whether a run was given something by the request for it. */
export function wasAskedFor(details: Execution["details"]): boolean {
  return details === undefined || ["manual", "backfill"].includes(details.trigger);
}

/** Run a job once more for a slot, a time of RFC 3339. */
function runSlotAgain(job: string, slot: string, reason: string): Promise<Begun> {
  const params = { path: { job_name: job }, query: { wait: "false" } };
  return askRun(job, api.POST("/v1/jobs/{job_name}/run", { params, body: { scheduled_time: slot, reason } }));
}

export function toggleJob(job: string): Promise<Job> {
  return askJob(api.POST("/v1/jobs/{job_name}/toggle", { params: { path: { job_name: job } } }));
}

export function deleteJob(job: string): Promise<Job> {
  return askJob(api.DELETE("/v1/jobs/{job_name}", { params: { path: { job_name: job } } }));
}

export function stopExecution(job: string, execution: string): Promise<Execution> {
  const params = { path: { job_name: job, execution } };
  return ask<Execution>(api.POST("/v1/jobs/{job_name}/executions/{execution}/stop", { params }));
}
