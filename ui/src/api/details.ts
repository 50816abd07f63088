// What only a DkronJob says, and requests that need it: runs with values, and a job that is to be enabled or disabled.

import { api, ask, askJob, askRun, type Begun, Refusal } from "./client";
import type { components } from "./schema";

export type Details = components["schemas"]["details"];
export type Parameter = components["schemas"]["parameter"];
export type Keeper = components["schemas"]["keeper"];

/** The options of a run. */
export interface Order {
  parameters: Record<string, string>;
  /** RFC 3339; empty for the time of the request. */
  scheduled_time: string;
  reason: string;
  force: boolean;
}

export function detailsOf(job: string, signal?: AbortSignal): Promise<Details> {
  return ask(api.GET("/v1/jobs/{job_name}/details", { params: { path: { job_name: job } }, signal }));
}

/** What pauses the job, as its condition says it: `paused by ann: a move (DkronPause team-a/moves)`. Empty if nothing
 * does. Unlike the pauses themselves, every reader of the job may read this. */
export function pausedBy(details: Pick<Details, "conditions"> | undefined): string {
  const found = details?.conditions.find(({ type, status }) => type === "Suspended" && status === "True");
  return found?.reason === "Paused" ? found.message : "";
}

/** Run the job with these values. Requests with the same key are the same run, so a second click is none. */
export function orderRun(job: string, order: Order, key: string): Promise<Begun> {
  const params = { path: { job_name: job }, query: { wait: "false" }, header: { "Idempotency-Key": key } };
  const body = {
    parameters: order.parameters,
    ...(order.scheduled_time ? { scheduled_time: order.scheduled_time } : {}),
    ...(order.reason ? { reason: order.reason } : {}),
    ...(order.force ? { force: true } : {}),
  };
  return askRun(job, api.POST("/v1/jobs/{job_name}/run", { params, body }));
}

/** A text that no other request has. `crypto.randomUUID` exists only on pages of https and of this machine. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((each) => each.toString(36)).join("-");
}

/** Attempts at a change that another writer overtook. */
const ATTEMPTS = 5;

/** Enable or disable a job. Returns whether that changed it: a colleague may have been first. */
export async function setDisabled(job: string, disabled: boolean): Promise<boolean> {
  const path = { job_name: job };
  for (let left = ATTEMPTS; ; left--) {
    const request = api.GET("/v1/jobs/{job_name}", { params: { path } });
    const found = await askJob(request);
    if (found.disabled === disabled) return false;
    const version = (await request).response.headers.get("ETag") ?? "*";
    try {
      await askJob(api.POST("/v1/jobs/{job_name}/toggle", { params: { path, header: { "If-Match": version } } }));
      return true;
    } catch (error) {
      if (!(error instanceof Refusal && error.status === 412) || left === 1) throw error;
    }
  }
}
