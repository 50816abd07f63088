// The reader's permissions for one job: a policy or a role may name single jobs.

import { api, ask, type Whoami } from "../api/client";
import { type Query, useQuery } from "./query";
import { may, type Right } from "./session";

/** Returns whether the reader may do something to this job. */
export function useRights(job: string): (right: Right) => boolean {
  const { data } = useOwn(job);
  return (right) => data?.rights.includes(right) ?? may(right);
}

/** The same for a view that waits for one right: `allowed` is undefined until it is known. If it cannot be read, the
 * reader may try. */
export function useAwaitedRight(job: string, right: Right): { allowed?: boolean; may: (right: Right) => boolean } {
  const { data, error } = useOwn(job);
  const mayDo = (each: Right) => data?.rights.includes(each) ?? may(each);
  return { allowed: data?.rights.includes(right) ?? (may(right) || error !== undefined || undefined), may: mayDo };
}

function useOwn(job: string): Query<Whoami> {
  return useQuery(`rights ${job}`, (signal) => ask(api.GET("/v1/whoami", { params: { query: { job } }, signal })));
}
