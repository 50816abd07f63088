// Requests about the specs of a job that the operator has accepted. Only an archive has them.

import { api, ask } from "./client";
import type { components } from "./schema";

export type Revision = components["schemas"]["revision"];
export type Difference = components["schemas"]["whole_revision"]["differences"][number];

/** The newest first. */
export function revisionsOf(job: string, signal?: AbortSignal): Promise<Revision[]> {
  return ask(api.GET("/v1/jobs/{job_name}/revisions", { params: { path: { job_name: job } }, signal }));
}

/** The values that a revision changed of the one before it. */
export async function differencesOf(job: string, revision: string, signal?: AbortSignal): Promise<Difference[]> {
  const path = { job_name: job, generation: revision };
  return (await ask(api.GET("/v1/jobs/{job_name}/revisions/{generation}", { params: { path }, signal }))).differences;
}
