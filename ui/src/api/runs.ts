// Requests about executions of all jobs, archived ones and running ones alike.

import { api, ask, askPage, type Execution, type Page } from "./client";
import type { components, operations } from "./schema";

type Schemas = components["schemas"];
export type Bucket = Schemas["bucket"];
/** Slots of a job that did not run, for one reason. */
export type SkippedSlots = Schemas["skipped_slots"];

type Query = NonNullable<operations["listExecutions"]["parameters"]["query"]>;
/** Which executions are asked for. `from` and `to` are about their ends; `at` is a moment at which they ran. */
export type RunsWanted = Pick<Query, "from" | "to" | "at" | "state" | "cause" | "job" | "owner" | "q">;
export type Result = NonNullable<Query["state"]>;
export type Cause = NonNullable<Query["cause"]>;
export type Step = NonNullable<operations["timeline"]["parameters"]["query"]>["step"];

/** A list in a query repeats its name. */
const querySerializer = { array: { style: "form", explode: true } } as const;

/** Executions of a page, and bytes of each output: its last line is shown. */
const PORTION = 100;
const OUTPUT = 160;

/** The executions after the place that `after` names, which the page before has; empty for the first page. */
export function listRuns(wanted: RunsWanted, after: string, signal?: AbortSignal): Promise<Page<Execution>> {
  const query = { ...wanted, after: after || undefined, limit: PORTION, output_size_limit: OUTPUT, details: true };
  return askPage<Execution>(api.GET("/v1/executions", { params: { query }, querySerializer, signal }));
}

/** Counts of what ended, by step, from the first; empty steps are left out. */
export function timelineOf(from: string, to: string, step: Step, job = "", signal?: AbortSignal): Promise<Bucket[]> {
  const query = { from, to, step, job: job ? [job] : undefined };
  return ask(api.GET("/v1/timeline", { params: { query }, querySerializer, signal }));
}

/** Slots that did not run, of these jobs, or of all; the newest first. */
export function skippedSlots(
  from: string,
  to: string,
  jobs: readonly string[],
  signal?: AbortSignal,
): Promise<SkippedSlots[]> {
  const query = { from, to, job: [...jobs] };
  return ask(api.GET("/v1/skipped", { params: { query }, querySerializer, signal }));
}

/** Slots that one answer lists. */
const MOST_SLOTS = 2000;
const HOUR = 3_600_000;

/** The slots of all jobs until a time: as many as are listed, `until` that moment. */
export async function agendaOf(now: number, to: number, signal?: AbortSignal) {
  const within = `${Math.min(9999, Math.max(1, Math.ceil((to - now) / HOUR)))}h`;
  const {
    due: slots,
    total,
    to: end,
  } = await ask(api.GET("/v1/agenda", { params: { query: { within, count: MOST_SLOTS } }, signal }));
  const due = slots.map((each) => each.due);
  return { slots, due, until: Date.parse(total > slots.length ? (due.at(-1) ?? end) : end) };
}

/** Executions of a job that ended before or after a time, the nearest first. */
export function runsBeside(
  job: string,
  side: { before: string } | { after: string },
  state: Result | undefined,
  limit: number,
  signal?: AbortSignal,
): Promise<Page<Execution>> {
  const isBefore = "before" in side;
  const query = {
    ...(isBefore ? { to: side.before } : { from: side.after, _sort: "finished_at", _order: "ASC" }),
    ...{ state, limit, output_size_limit: 0, details: true },
  };
  const params = { path: { job_name: job }, query };
  return askPage<Execution>(api.GET("/v1/jobs/{job_name}/executions", { params, signal }));
}
