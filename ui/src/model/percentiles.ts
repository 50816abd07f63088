// How long runs take: percentiles by the nearest rank, so that each is the length of a run that was. Pure.

import type { Execution } from "../api/client";
import { isOver, lateness, taken } from "./slots";
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

/** Values below which a percentile says nothing. */
const ENOUGH = 5;

function percentilesOf(values: readonly number[]): Percentiles | undefined {
  if (values.length < ENOUGH) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => percentile(sorted, share));
  if (p50 === undefined || p90 === undefined || p99 === undefined) return undefined;
  return { count: sorted.length, p50, p90, p99 };
}

/** Milliseconds that attempts took which are over; undefined for fewer than five. */
export function durationsOf(executions: readonly Execution[]): Percentiles | undefined {
  return percentilesOf(executions.filter(isOver).map((each) => taken(each, 0)));
}

/** Seconds that attempts usually took which succeeded: half of them; undefined for fewer than five. */
export function usualOf(executions: readonly Execution[]): number | undefined {
  const lengths = durationsOf(executions.filter(({ success }) => success));
  return lengths && lengths.p50 / 1000;
}

/** Milliseconds between what caused a run and its start; undefined for fewer than five. */
export function latenessOf(executions: readonly Execution[]): Percentiles | undefined {
  return percentilesOf(executions.map(lateness).filter((late) => late !== undefined));
}

/** `median 4.2 s, 90 % within 9 s, 99 % within 12 s`; equal ones are told once. */
export function inWords({ p50, p90, p99 }: Percentiles): string {
  const words = [`median ${duration(p50)}`];
  if (p90 > p50) words.push(`90 % within ${duration(p90)}`);
  if (p99 > p90) words.push(`99 % within ${duration(p99)}`);
  return words.join(", ");
}
