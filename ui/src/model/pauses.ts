// The ends that a form for a pause, and the days that one for a backfill, suggest. Pure, but for the reader's zone.

import type { Execution } from "../api/client";
import { planned, result } from "./slots";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The hour of the day at which people are back. */
const MORNING = 8;

/** Ends of a pause with their words, in whole minutes; mornings are in UTC, or in the reader's zone. */
export function pauseEnds(now: number, utc: boolean): [string, number][] {
  const minute = Math.ceil(now / MINUTE) * MINUTE;
  const weekday = utc ? new Date(now).getUTCDay() : new Date(now).getDay();
  const toMonday = (8 - weekday) % 7 || 7;
  return [
    ["for 1 hour", minute + HOUR],
    ["for 4 hours", minute + 4 * HOUR],
    ["until tomorrow 8:00", timeOf(now, 1, MORNING, utc)],
    ...(toMonday > 1 ? [["until Monday 8:00", timeOf(now, toMonday, MORNING, utc)] as [string, number]] : []),
  ];
}

const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const WEEK = 7;

/** The days of the last week with their words, the newest first, each from its begin to its end. */
export function lastDays(now: number, utc: boolean): [string, number, number][] {
  return Array.from({ length: WEEK }, (_, index) => {
    const [from, to] = [timeOf(now, -index - 1, 0, utc), timeOf(now, -index, 0, utc)];
    const weekday = utc ? new Date(from).getUTCDay() : new Date(from).getDay();
    return [index ? `last ${WEEKDAYS[weekday]}` : "yesterday", from, to];
  });
}

/** The day of the newest run that failed, from its begin to its end or to now; undefined if none did. */
export function dayThatFailed(runs: readonly Execution[], now: number, utc: boolean): [number, number] | undefined {
  const at = runs.filter((each) => result(each) === "failed").map((each) => planned(each) ?? 0);
  const newest = Math.max(0, ...at);
  const minute = Math.floor(now / MINUTE) * MINUTE;
  return newest ? [timeOf(newest, 0, 0, utc), Math.min(minute, timeOf(newest, 1, 0, utc))] : undefined;
}

/** An hour of the day that is `days` after the day of `at`: days are not always of 24 hours. */
function timeOf(at: number, days: number, hour: number, utc: boolean): number {
  const date = new Date(at);
  if (utc) return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + days, hour);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days, hour).getTime();
}
