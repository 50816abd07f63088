// Requests about pauses: jobs that do not run for a while.

import { api, ask, askList } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Pause = Schemas["stored_pause"];
export type PauseBody = Schemas["pause"];

export function listPauses(
  wanted: { job?: string; start?: number; end?: number },
  signal?: AbortSignal,
): Promise<{ items: Pause[]; total: number }> {
  const query = { job: wanted.job, _start: wanted.start, _end: wanted.end };
  return askList(api.GET("/v1/pauses", { params: { query }, signal }));
}

export function createPause(body: PauseBody): Promise<Pause> {
  return ask<Pause>(api.POST("/v1/pauses", { body }));
}

export function endPause(name: string): Promise<Pause> {
  return ask<Pause>(api.DELETE("/v1/pauses/{name}", { params: { path: { name } } }));
}

/** Take one job out of a pause that names several. A change by another user meanwhile is not overwritten. */
export async function resumeOneOf(name: string, job: string): Promise<Pause> {
  const read = api.GET("/v1/pauses/{name}", { params: { path: { name } } });
  const { jobs } = await ask<Pause>(read);
  const params = { path: { name }, header: { "If-Match": (await read).response.headers.get("ETag") ?? "" } };
  return ask<Pause>(api.PATCH("/v1/pauses/{name}", { params, body: { jobs: jobs.filter((each) => each !== job) } }));
}
