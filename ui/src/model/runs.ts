// A list of executions: its filters, its address, and its pages put together. Pure.

import type { Execution } from "../api/client";
import type { Cause, Result, RunsWanted } from "../api/runs";
import { isOver } from "./slots";
import { endOf, type Span } from "./span";
import { instant, rfc3339 } from "./time";

export interface RunsFilter extends Span {
  readonly state: Result | "";
  readonly cause: Cause | "";
  readonly jobs: readonly string[];
  /** The owner of the jobs. */
  readonly owner: string;
  /** A text in outputs. */
  readonly q: string;
}

/** The words of the API for how an execution is, and for its cause, as people say them. */
export const STATES: readonly (readonly [Result | "", string])[] = [
  ["", "any result"],
  ["success", "succeeded"],
  ["failed", "failed"],
  ["running", "running"],
  ["waiting", "waiting"],
];
export const CAUSES: readonly (readonly [Cause | "", string])[] = [
  ["", "any cause"],
  ["schedule", "by schedule"],
  ["manual", "on request"],
  ["dependent", "after a job"],
  ["backfill", "by a backfill"],
];

/** The filters that an address means; what it does not understand is left out. */
export function readRuns(search: string): RunsFilter {
  const of = new URLSearchParams(search);
  const times = Object.fromEntries(
    (["from", "to", "at"] as const).flatMap((key) => {
      const at = instant(of.get(key));
      return at === undefined ? [] : [[key, at]];
    }),
  );
  const text = (key: string) => of.get(key) ?? "";
  const jobs = of.getAll("job").filter(Boolean);
  const [state, cause] = [chosen(STATES, text("state")), chosen(CAUSES, text("cause"))];
  return { ...times, state, cause, jobs, owner: text("owner"), q: text("q") };
}

function chosen<T extends string>(options: readonly (readonly [T, string])[], text: string): T | "" {
  return options.find(([key]) => key === text)?.[0] ?? "";
}

/** The address of a list: only the filters that it has. */
export function runsPath(filter: Partial<RunsFilter>): string {
  const of = new URLSearchParams();
  for (const key of ["from", "to", "at"] as const) {
    const at = filter[key];
    if (at !== undefined) of.set(key, rfc3339(at));
  }
  for (const key of ["state", "cause", "owner", "q"] as const) if (filter[key]) of.set(key, filter[key]);
  for (const job of filter.jobs ?? []) of.append("job", job);
  const text = of.toString();
  return text ? `/runs?${text}` : "/runs";
}

/** The requests that together bring the executions of a filter, the newest first. What ran within a minute is what still
 * ran at its end, and then what ended in it. */
export function requestsOf({ from, to, at, state, cause, jobs, owner, q }: RunsFilter): [RunsWanted, ...RunsWanted[]] {
  const others: RunsWanted = {
    ...(state && { state }),
    ...(cause && { cause }),
    ...(jobs.length > 0 && { job: [...jobs] }),
    ...(owner && { owner }),
    ...(q && { q }),
  };
  if (at !== undefined) {
    const end = endOf(at);
    return [
      { at: rfc3339(end - 1), ...others },
      { from: rfc3339(at), to: rfc3339(end), ...others },
    ];
  }
  const times = { ...(from !== undefined && { from: rfc3339(from) }), ...(to !== undefined && { to: rfc3339(to) }) };
  return [{ ...times, ...others }];
}

/** Whether what happens now can belong to the list. */
export function isOpen({ to, at, q }: RunsFilter, now: number): boolean {
  return !q && (to === undefined || to > now) && (at === undefined || endOf(at) > now);
}

/** The list with a newer version of its first page; undefined if there may be executions between them that are in
 * neither. `isAll` says that the first page has no next one. */
export function withNewest(
  newest: readonly Execution[],
  isAll: boolean,
  known: readonly Execution[],
): Execution[] | undefined {
  const ids = new Set(newest.map(({ id }) => id));
  const others = known.filter(({ id }) => !ids.has(id));
  if (!isAll && newest.length > 0 && known.length > 0 && others.length === known.length) return undefined;
  // The running ones come first: the page has all of them if it has one that is over.
  const hasAllRunning = isAll || newest.some(isOver);
  return [...newest, ...others.filter((each) => !hasAllRunning || isOver(each))];
}

/** `1,204 runs`, or `100 runs, and more` while more may come. */
export function countInWords(shown: number, total: number | undefined, isWhole: boolean): string {
  const count = total === undefined || isWhole ? shown : Math.max(total, shown);
  const words = `${count.toLocaleString("en")} ${count === 1 ? "execution" : "executions"}`;
  return isWhole || total !== undefined ? words : `${words}, and more`;
}
