// Reads a job to edit, and stores it unless another user has changed its definition meanwhile.

import { api, ask, askJob, type Job, type JobBody, Refusal, warningIn } from "../../api/client";
import { sameDefinition } from "../../model/changes";
import type { Draft } from "../../model/draft";

/** A job with the version at which it was read. */
export interface Stored {
  body: Job;
  etag: string;
}

/** A job that cannot run is refused: a person is there to fix it. */
const STRICT = { Prefer: "handling=strict" };
/** Times that a save is repeated because a run has changed the job meanwhile. */
const AGAIN = 5;

export async function readStored(name: string, signal?: AbortSignal): Promise<Stored> {
  const request = api.GET("/v1/jobs/{job_name}", { params: { path: { job_name: name } }, signal });
  return { body: await askJob(request), etag: (await request).response.headers.get("ETag") ?? "" };
}

/** What became of a save: the name of the job, and a warning if any. */
export interface Saved {
  name: string;
  warning: string;
}

/** Create a job. Throws `Refusal`, 412 if there is one of this name. */
export async function create(draft: Draft): Promise<Saved> {
  const header = { "If-None-Match": "*", ...STRICT };
  const created = api.POST("/v1/jobs", { params: { header }, body: draft as JobBody });
  return { name: (await askJob(created)).name, warning: await warningOf(created) };
}

/** Replace a job that was read as `stored`. Throws `Refusal`, 412 if its definition is another one meanwhile. */
export async function replace(draft: Draft, stored: Stored, force: boolean): Promise<Saved> {
  const { name } = stored.body;
  let { etag } = stored;
  for (let tries = 0; ; tries++) {
    const header = { "If-Match": etag, ...STRICT };
    const params = { path: { job_name: name }, header, query: force ? { force: true } : {} };
    // A job that is sent without its queue keeps it.
    const replaced = api.PUT("/v1/jobs/{job_name}", { params, body: { queue: null, ...draft } as JobBody });
    try {
      await ask(replaced);
      return { name, warning: await warningOf(replaced) };
    } catch (error) {
      if (!(error instanceof Refusal && error.status === 412) || tries === AGAIN) throw error;
    }
    // The operator writes counters of the job, which makes it another version of the same definition.
    const newest = await readStored(name);
    if (!sameDefinition(newest.body, stored.body)) throw new Refusal(412, "The job has changed since it was opened.");
    etag = newest.etag;
  }
}

async function warningOf(request: Promise<{ response: Response }>): Promise<string> {
  return warningIn((await request).response);
}
