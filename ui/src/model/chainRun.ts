// A run of a whole chain, put together from the executions of its jobs. Pure.

import type { Execution } from "../api/client";
import type { Linked } from "./graph";
import { isOver, planned, taken } from "./slots";
import { instant } from "./time";

export type Executions = ReadonlyMap<string, readonly Execution[]>;

export interface ChainRun {
  /** When its first job began, in milliseconds since 1970. */
  readonly began: number;
  /** When its last job ended; undefined while one runs. */
  readonly ended: number | undefined;
}

interface JobRun extends ChainRun {
  readonly job: string;
  readonly planned: number;
}

/** The run of the chain that began last: the run of a first job, and all that followed from it. */
export function newestRun(jobs: readonly Linked[], executions: Executions): ChainRun | undefined {
  const runs = new Map(jobs.map(({ name }) => [name, runsOf(name, executions.get(name) ?? [])]));
  const all = [...runs.values()].flat();
  let first = all.reduce<JobRun | undefined>(
    (best, each) => (best && best.began >= each.began ? best : each),
    undefined,
  );
  if (!first) return undefined;
  const parents = new Map(jobs.map((job) => [job.name, (job.parents ?? []).map((each) => each.job)]));
  const causeOf = (run: JobRun) =>
    parents
      .get(run.job)
      ?.flatMap((job) => runs.get(job) ?? [])
      .find((each) => hasCaused(each, run));
  // A circle of jobs has no first one.
  for (let left = all.length, cause = causeOf(first); cause && left > 0; cause = causeOf(first), left--) first = cause;
  const found = new Set([first]);
  for (const run of found) {
    const children = all.filter((each) => parents.get(each.job)?.includes(run.job) && hasCaused(run, each));
    for (const child of children) found.add(child);
  }
  const ends = [...found].map((each) => each.ended);
  const isOver = ends.every((each) => each !== undefined);
  return { began: first.began, ended: isOver ? Math.max(...ends.map((each) => each ?? 0)) : undefined };
}

/** A run that follows another one is planned for the second in which that ended. */
function hasCaused({ ended }: JobRun, run: JobRun): boolean {
  return ended !== undefined && Math.floor(ended / 1000) === Math.floor(run.planned / 1000);
}

/** The runs of a job, each with all its attempts. */
function runsOf(job: string, executions: readonly Execution[]): JobRun[] {
  const found = new Map<number, JobRun>();
  for (const each of executions) {
    const [at, began, end] = [planned(each), instant(each.started_at), instant(each.finished_at)];
    if (at === undefined || began === undefined) continue;
    const other = found.get(at);
    const ended =
      end === undefined || (other && other.ended === undefined) ? undefined : Math.max(end, other?.ended ?? 0);
    found.set(at, { job, planned: at, began: Math.min(began, other?.began ?? began), ended });
  }
  return [...found.values()];
}

/** Milliseconds that the newest attempt took that has ended; undefined without one. `executions` begin with the newest. */
export function lastTaken(executions: readonly Execution[] | undefined): number | undefined {
  const last = executions?.find(isOver);
  return last && taken(last, 0);
}
