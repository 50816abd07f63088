// The executions around one of them, however long ago it was: those that the job's list has, and those nearest to it.

import type { Execution } from "../api/client";
import { runsBeside } from "../api/runs";
import { isMissing } from "../model/around";
import { useQuery } from "./query";

/** Executions that are read on each side: all attempts and members of the runs there, as a rule. */
const NEAR = 20;

/** `all` is the newest part of the job's executions; the answer has more of them where that is not enough. */
export function useNeighbours(
  job: string,
  one: Execution | undefined,
  all: readonly Execution[] | undefined,
): readonly Execution[] {
  const at = one && all && isMissing(one, all) ? one.finished_at : undefined;
  const { data } = useQuery(at ? `around ${job} ${one?.id}` : null, async (signal) => {
    const ended = at ?? "";
    const pages = await Promise.all([
      runsBeside(job, { before: ended }, undefined, NEAR, signal),
      runsBeside(job, { after: ended }, undefined, NEAR, signal),
      ...(one?.success ? [] : [runsBeside(job, { before: ended }, "success", 1, signal)]),
    ]);
    return pages.flatMap(({ items }) => items);
  });
  const found = [...(all ?? []), ...(data ?? [])];
  return [...new Map(found.map((each) => [each.id, each])).values()];
}
