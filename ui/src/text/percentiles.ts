// How long runs take: percentiles by the nearest rank, so that each is the length of a run that was. Pure.

import type { Execution } from "../api/client";
import { lateness, result, taken } from "./slots";
import { duration } from "./time";

/** The smallest of the values that at least this share of them does not exceed; undefined of none. `sorted` ascends. */
export function percentile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

function percentilesOf(values: readonly number[]): Percentiles | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => percentile(sorted, share));
  if (p50 === undefined || p90 === undefined || p99 === undefined) return undefined;
  return { count: sorted.length, p50, p90, p99 };
}

/** Milliseconds that attempts took which are over. */
export function durationsOf(executions: readonly Execution[]): Percentiles | undefined {
  return percentilesOf(executions.filter((each) => result(each) !== "running").map((each) => taken(each, 0)));
}

/** Milliseconds between what caused a run and its start. */
export function latenessOf(executions: readonly Execution[]): Percentiles | undefined {
  return percentilesOf(executions.map(lateness).filter((late) => late !== undefined));
}

/** `half took 4.2 s at most, 90 % 9.0 s, 99 % 12 s`. */
export function inWords({ p50, p90, p99 }: Percentiles): string {
  return `half took ${duration(p50)} at most, 90 % ${duration(p90)}, 99 % ${duration(p99)}`;
}
