// Times as the clocks of a zone show them: the marks of an axis, and what a person types. Pure.

import { clockTime, day, format, rfc3339 } from "./time";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Lengths between two marks of an axis: those in which people count time. */
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7, 14, 28, 91, 364].map((count) => count * DAY),
];

/** The time on the clocks of a zone, as milliseconds since 1970 in a zone without an offset. */
export function wallTime(at: number, zone: string | undefined): number {
  const numeric = "numeric" as const;
  const options = { year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric };
  const parts = format("wall", zone, options).formatToParts(at);
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  return Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second"));
}

/** When the clocks of a zone show this. A change of the clocks moves a time that it leaves out. */
export function atWall(wall: number, zone: string | undefined): number {
  const first = wall - (wallTime(wall, zone) - wall);
  return wall - (wallTime(first, zone) - first);
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** At most so many marks at round times of the zone, the first of each day with its date; `now` says which is today. */
export function ticksOf(from: number, to: number, most: number, now: number, zone: string | undefined): Tick[] {
  const step = STEPS.find((each) => (to - from) / each <= most) ?? to - from + 1;
  const ticks: Tick[] = [];
  let before = day(now, zone);
  const begin = wallTime(Math.ceil(from / SECOND) * SECOND, zone);
  for (let wall = Math.ceil(begin / step) * step; ticks.length <= most; wall += step) {
    const at = atWall(wall, zone);
    if (at > to) break;
    const date = day(at, zone);
    if (at < from || at <= (ticks.at(-1)?.at ?? Number.NEGATIVE_INFINITY)) continue;
    ticks.push({ at, label: labelOf(at, step, date === before ? "" : date, zone) });
    before = date;
  }
  return ticks;
}

function labelOf(at: number, step: number, date: string, zone: string | undefined): string {
  if (step >= DAY) return day(at, zone);
  const clock = step < MINUTE ? clockTime(at, zone) : clockTime(at, zone).slice(0, 5);
  return date ? `${date} ${clock}` : clock;
}

/** A time that a person types, as the API takes it: `05:59`, `yesterday 02:30`, `2026-11-27 02:30`, `2h`, `now`, or RFC
 * 3339. A time of day is the latest one. Undefined for what is no time. */
export function readMoment(text: string, now: number, zone: string | undefined): string | undefined {
  const words = text.trim().toLowerCase();
  if (words === "now" || /^[1-9]\d{0,3}[smhd]$/.test(words)) return words;
  const found = /^(?:(today|yesterday|\d{4}-\d\d-\d\d)[ t]+)?(\d{1,2}):(\d\d)(?::(\d\d))?$/.exec(words);
  if (!found) return isRfc3339(words) ? words.toUpperCase().replace(" ", "T") : undefined;
  const [, date, hour = "", minute = "", second = "0"] = found;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const time = Number(hour) * HOUR + Number(minute) * MINUTE + Number(second) * SECOND;
  const today = Math.floor(wallTime(now, zone) / DAY) * DAY;
  const begin = date?.includes("-") ? Date.parse(date) : date === "yesterday" ? today - DAY : today;
  if (Number.isNaN(begin)) return undefined;
  const at = atWall(begin + time, zone);
  return rfc3339(date === undefined && at > now ? atWall(begin - DAY + time, zone) : at);
}

function isRfc3339(text: string): boolean {
  return /^\d{4}-\d\d-\d\d[t ]\d\d:\d\d:\d\d(\.\d+)?(z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text));
}
