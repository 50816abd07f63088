// What became of the runs of a job, day by day (UTC), as far as its status tells. Pure.

import type { Execution } from "../api/client";
import { isOver } from "./slots";
import { instant } from "./time";

const DAY = 86_400_000;
export const WEEKS = 5;

export interface CalendarDay {
  /** The start of the day in UTC, in milliseconds since 1970. */
  readonly at: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Slots to come. */
  readonly planned: number;
  /** `all` that ended on it is counted; `some` of it is; or nothing is known of it any more. */
  readonly known: "all" | "some" | "nothing";
}

export interface Counted {
  /** `2026-11-27`. */
  readonly date: string;
  readonly success_count: number;
  readonly failed_count: number;
}

interface Told {
  executions: readonly Execution[];
  /** How many executions that are over the job keeps. */
  kept: number;
  /** The days whose totals the job keeps: all that ended on them counts. */
  days: readonly Counted[];
  /** Slots to come. */
  next: readonly string[];
}

/** Weeks from Monday to Sunday, this one last. Days to come are in it. */
export function calendar({ executions, kept, days, next }: Told, now: number): CalendarDay[][] {
  const today = startOf(now);
  const monday = today - ((new Date(today).getUTCDay() + 6) % 7) * DAY;
  const ended = executions.filter(isOver);
  const ends = ended.map((each) => instant(each.finished_at) ?? 0);
  const since = ended.length >= kept ? Math.min(...ends) : Number.NEGATIVE_INFINITY;
  const totals = new Map(days.map((each) => [Date.parse(each.date), each]));
  const planned = next.map((slot) => startOf(Date.parse(slot)));
  const one = (at: number): CalendarDay => {
    const total = totals.get(at);
    const failedOf = (failed: boolean) =>
      ended.filter((each, index) => startOf(ends[index] ?? 0) === at && !each.success === failed).length;
    return {
      at,
      succeeded: total?.success_count ?? failedOf(false),
      failed: total?.failed_count ?? failedOf(true),
      planned: planned.filter((each) => each === at).length,
      known: total || at >= since || at > today ? "all" : at + DAY > since ? "some" : "nothing",
    };
  };
  return Array.from({ length: WEEKS }, (_, week) =>
    Array.from({ length: 7 }, (_, day) => one(monday + ((week - WEEKS + 1) * 7 + day) * DAY)),
  );
}

function startOf(at: number): number {
  return Math.floor(at / DAY) * DAY;
}

/** `8 succeeded, 2 failed`. */
export function resultsOf({ succeeded, failed, planned, known }: CalendarDay): string {
  if (known === "nothing") return "not kept";
  const words = [];
  if (succeeded) words.push(`${succeeded} succeeded`);
  if (failed) words.push(`${failed} failed`);
  if (planned) words.push(`${planned}${planned > 9 ? " or more" : ""} planned`);
  return `${known === "some" ? "at least " : ""}${words.join(", ") || "no run"}`;
}
