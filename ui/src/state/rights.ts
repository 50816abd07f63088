// What the reader may do to one job: a policy or a role may name single jobs.

import { api, ask, type Whoami } from "../api/client";
import { type Query, useQuery } from "./query";
import { may, type Right } from "./session";

/** Returns whether the reader may do something to this job. */
export function useRights(job: string): (right: Right) => boolean {
  const { data } = useOwn(job);
  return (right) => data?.rights.includes(right) ?? may(right);
}

/** Whether the reader may do something to this job; undefined until that is known. If it cannot be read, they may try. */
export function useRight(job: string, right: Right): boolean | undefined {
  const { data, error } = useOwn(job);
  return data?.rights.includes(right) ?? (may(right) || error !== undefined || undefined);
}

function useOwn(job: string): Query<Whoami> {
  return useQuery(`rights ${job}`, (signal) => ask(api.GET("/v1/whoami", { params: { query: { job } }, signal })));
}
