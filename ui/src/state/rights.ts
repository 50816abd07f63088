// What the reader may do to one job: a policy or a role may name single jobs.

import { api, ask } from "../api/client";
import { useQuery } from "./query";
import { may, type Right } from "./session";

/** Returns whether the reader may do something to this job. */
export function useRights(job: string): (right: Right) => boolean {
  const { data } = useQuery(`rights ${job}`, (signal) =>
    ask(api.GET("/v1/whoami", { params: { query: { job } }, signal })),
  );
  return (right) => data?.rights.includes(right) ?? may(right);
}
