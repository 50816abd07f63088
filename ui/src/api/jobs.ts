// Requests about jobs that more than one view sends.

import { type Execution, type Job, api, ask, askList } from "./client";
import { instant } from "../text/time";

/** How a list of jobs is asked for; `page` counts from 0. */
export interface JobsWanted {
  q?: string;
  status?: string;
  disabled?: string;
  sort?: string;
  order?: string;
  start?: number;
  end?: number;
}

export function listJobs(wanted: JobsWanted, signal?: AbortSignal): Promise<{ items: Job[]; total: number }> {
  const query = {
    q: wanted.q || undefined,
    status: wanted.status || undefined,
    disabled: wanted.disabled || undefined,
    _sort: wanted.sort || undefined,
    _order: wanted.order || undefined,
    _start: wanted.start,
    _end: wanted.end,
  };
  return askList<Job>(api.GET("/v1/jobs", { params: { query }, signal }));
}

/** How many jobs match. */
export async function countJobs(wanted: JobsWanted, signal?: AbortSignal): Promise<number> {
  return (await listJobs({ ...wanted, start: 0, end: 0 }, signal)).total;
}

export async function busy(signal?: AbortSignal): Promise<Execution[]> {
  return (await askList<Execution>(api.GET("/v1/busy", { signal }))).items;
}

/** The executions of a job, the newest first. `bytes` is how much of each output to bring. */
export async function executionsOf(job: string, bytes: number, signal?: AbortSignal): Promise<Execution[]> {
  const params = { path: { job_name: job }, query: { output_size_limit: bytes } };
  return (await askList<Execution>(api.GET("/v1/jobs/{job_name}/executions", { params, signal }))).items;
}

/** The enabled jobs that are due first. The list by `next` begins with those that are never due: they are passed over
 * by halves. */
export async function dueFirst(most: number, signal?: AbortSignal): Promise<Job[]> {
  const page = (start: number, end: number) =>
    listJobs({ disabled: "false", sort: "next", order: "ASC", start, end }, signal);
  const first = await page(0, most);
  if (!first.items.length || instant(first.items[0]?.next) !== undefined) return first.items;
  const begin = await firstWhere(first.total, async (at) => {
    const { items } = await page(at, at + 1);
    return items[0] === undefined || instant(items[0].next) !== undefined;
  });
  return begin < first.total ? (await page(begin, begin + most)).items : [];
}

/** The smallest index below `length` from which on `holds` is true; `length` if it never is. */
export async function firstWhere(length: number, holds: (at: number) => Promise<boolean>): Promise<number> {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (await holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function runJob(job: string): Promise<Job> {
  const params = { path: { job_name: job }, query: { wait: "false" } };
  return ask<Job>(api.POST("/v1/jobs/{job_name}/run", { params }));
}

export function toggleJob(job: string): Promise<Job> {
  return ask<Job>(api.POST("/v1/jobs/{job_name}/toggle", { params: { path: { job_name: job } } }));
}

export function deleteJob(job: string): Promise<Job> {
  return ask<Job>(api.DELETE("/v1/jobs/{job_name}", { params: { path: { job_name: job } } }));
}

export function stopExecution(job: string, execution: string): Promise<Execution> {
  const params = { path: { job_name: job, execution } };
  return ask<Execution>(api.POST("/v1/jobs/{job_name}/executions/{execution}/stop", { params }));
}
