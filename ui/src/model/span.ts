// The time that a list is about, as a person types it and as an address holds it. Pure.

import { atWall, wallTime } from "./axis";
import { clockTime, format } from "./time";

/** Milliseconds since 1970. `from` is inclusive and `to` exclusive, for the ends of executions; `at` asks for all that
 * ran then: within the minute that it begins, or within the second if it begins none. */
export interface Span {
  readonly from?: number;
  readonly to?: number;
  readonly at?: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LENGTHS: Readonly<Record<string, number>> = { s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };

const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS = [
  ...["january", "february", "march", "april", "may", "june"],
  ...["july", "august", "september", "october", "november", "december"],
];

/** Texts that a box for a time suggests. */
export const SUGGESTED = ["last hour", "last 24 hours", "today", "yesterday", "last week", "this month"];

/** The end of the minute or the second that `at` begins. */
export function endOf(at: number): number {
  return at + (at % MINUTE ? SECOND : MINUTE);
}

/** Times on the clocks of the zone: milliseconds since 1970 in a zone without an offset. */
interface Wall {
  readonly begin: number;
  readonly end: number;
  /** Whether it is a time of day, rather than a day or more. */
  readonly isTime: boolean;
}

/** `05:41`, `yesterday 02:30`, `last tuesday`, `27 nov`, `march`, `2026-11`, `last 2 hours`, `since monday`, `02:00 to
 * 03:30`. Without a day or a year, it is the latest one. Undefined for a text that is no time; an empty one asks for
 * all. */
export function readSpan(text: string, now: number, zone: string | undefined): Span | undefined {
  const words = text.trim().toLowerCase().replaceAll(",", " ").replaceAll(/\s+/g, " ");
  if (!words) return {};
  const length = lengthIn(words);
  if (length !== undefined) return { from: Math.floor((now - length) / SECOND) * SECOND };
  const today = wallTime(now, zone);
  const instant = (wall: number) => atWall(wall, zone);
  const [, side, one = ""] = /^(since|from|after|until|before|to) (.*)$/.exec(words) ?? [];
  const bounds = (side === "from" ? one : words).split(/ (?:to|-|–|until) |–/);
  if (bounds.length === 2) {
    const first = wallIn(bounds[0] ?? "", today);
    const last = first && wallIn(bounds[1] ?? "", today, first);
    if (!last || last.begin < first.begin) return undefined;
    return { from: instant(first.begin), to: instant(last.isTime ? last.begin : last.end) };
  }
  const found = wallIn(side ? one : words, today);
  if (!found) return undefined;
  if (side) {
    const isSince = side === "since" || side === "from" || side === "after";
    return isSince ? { from: instant(found.begin) } : { to: instant(found.begin) };
  }
  return found.isTime ? { at: instant(found.begin) } : { from: instant(found.begin), to: instant(found.end) };
}

/** Milliseconds of `2h`, `2 hours`, `last hour` or `last 90 min`. */
function lengthIn(words: string): number | undefined {
  const pattern = /^(last )?(?:(\d{1,4}) ?)?(s|m|h|d|w|sec|second|min|minute|hour|day)s?(?: ago)?$/;
  const [, last, count, unit = ""] = pattern.exec(words) ?? [];
  if (!unit || (!last && count === undefined) || (count === undefined && unit === "day")) return undefined;
  return Number(count ?? 1) * (LENGTHS[unit[0] ?? ""] ?? 0) || undefined;
}

/** A day or more, or a time of day with or without one. A bare time is the latest one, or the first one after `from`. */
function wallIn(words: string, now: number, from?: Wall): Wall | undefined {
  const [, date = "", hour, minute, second] = /^(?:(.+?)[ t]+)?(\d{1,2}):(\d\d)(?::(\d\d))?$/.exec(words) ?? [];
  if (hour === undefined) return dateIn(words, now);
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? 0) > 59) return undefined;
  const time = Number(hour) * HOUR + Number(minute) * MINUTE + Number(second ?? 0) * SECOND;
  const day = date ? dateIn(date, now) : startOfDay(from?.begin ?? now);
  if (!day || day.end - day.begin > DAY) return undefined;
  let begin = day.begin + time;
  if (!date && from && begin <= from.begin) begin += DAY;
  if (!date && !from && begin > now) begin -= DAY;
  return { begin, end: begin, isTime: true };
}

function whole(begin: number, end: number): Wall {
  return { begin, end, isTime: false };
}

function startOfDay(at: number): Wall {
  const begin = Math.floor(at / DAY) * DAY;
  return whole(begin, begin + DAY);
}

function monthOf(year: number, month: number): Wall {
  return whole(Date.UTC(year, month), Date.UTC(year, month + 1));
}

/** The days of `yesterday`, `last tuesday`, `last week`, `march`, `march 2026`, `27 nov` and `2026-11-27`. */
function dateIn(words: string, now: number): Wall | undefined {
  const today = startOfDay(now);
  const year = new Date(now).getUTCFullYear();
  const month = new Date(now).getUTCMonth();
  if (words === "today") return today;
  if (words === "yesterday") return startOfDay(today.begin - DAY);
  const iso = /^(\d{4})-(\d\d)(?:-(\d\d))?$/.exec(words);
  if (iso) return onDate(Number(iso[1]), Number(iso[2]) - 1, iso[3] === undefined ? undefined : Number(iso[3]));
  const [, which = "", name = ""] = /^(last |this )?([a-z]+)$/.exec(words) ?? [];
  if (name === "week" && which) {
    const monday = today.begin - ((new Date(now).getUTCDay() + 6) % 7) * DAY - (which === "last " ? 7 * DAY : 0);
    return whole(monday, monday + 7 * DAY);
  }
  if (name === "month" && which) return monthOf(year, which === "last " ? month - 1 : month);
  const weekday = indexOf(WEEKDAYS, name);
  if (weekday >= 0) {
    const back = (new Date(now).getUTCDay() + 6 - weekday + 7) % 7;
    return startOfDay(today.begin - (back === 0 && which === "last " ? 7 : back) * DAY);
  }
  const [, before, named = "", after] = /^(?:last )?(?:(\d{1,2}) )?([a-z]+)(?: (\d{4}|\d{1,2}))?$/.exec(words) ?? [];
  const place = indexOf(MONTHS, named);
  if (place < 0) return undefined;
  const isYear = after?.length === 4;
  const date = before ?? (isYear ? undefined : after);
  if (before !== undefined && after !== undefined && !isYear) return undefined;
  const found = onDate(isYear ? Number(after) : year, place, date === undefined ? undefined : Number(date));
  return found && !isYear && found.begin > now ? onDate(year - 1, place, date && Number(date)) : found;
}

/** A day of a month, or all of it; undefined for one that the calendar does not have. */
function onDate(year: number, month: number, date: number | "" | undefined): Wall | undefined {
  if (month > 11 || month < 0) return undefined;
  if (date === undefined || date === "") return monthOf(year, month);
  const begin = Date.UTC(year, month, date);
  return new Date(begin).getUTCDate() === date ? startOfDay(begin) : undefined;
}

/** The name that begins so, with three letters or more. */
function indexOf(names: readonly string[], text: string): number {
  return text.length < 3 ? -1 : names.findIndex((name) => name.startsWith(text));
}

/** The text that `readSpan` reads as this, in the same zone; empty for all. */
export function spanInWords({ from, to, at }: Span, zone: string | undefined): string {
  if (at !== undefined) return dated(at, zone);
  if (from !== undefined && to !== undefined) return days(from, to, zone) ?? between(from, to, zone);
  if (from !== undefined) return `since ${dated(from, zone)}`;
  return to === undefined ? "" : `until ${dated(to, zone)}`;
}

function between(from: number, to: number, zone: string | undefined): string {
  const end = dateOf(from, zone) === dateOf(to, zone) && from < to ? clock(to, zone) : dated(to, zone);
  return `${dated(from, zone)} to ${end}`;
}

/** `2026-11-27` for all of a day, `2026-11` for all of a month, and `2026-11-23 to 2026-11-29` for several days. */
function days(from: number, to: number, zone: string | undefined): string | undefined {
  const [begin, end] = [wallTime(from, zone), wallTime(to, zone)];
  if (begin % DAY || end % DAY || from >= to) return undefined;
  const month = monthOf(new Date(begin).getUTCFullYear(), new Date(begin).getUTCMonth());
  const first = new Date(begin).toISOString().slice(0, 10);
  if (month.begin === begin && month.end === end) return first.slice(0, 7);
  const last = new Date(end - DAY).toISOString().slice(0, 10);
  return first === last ? first : `${first} to ${last}`;
}

function dateOf(at: number, zone: string | undefined): string {
  return format("iso", zone, { year: "numeric", month: "2-digit", day: "2-digit" })
    .formatToParts(at)
    .filter(({ type }) => type !== "literal")
    .reverse()
    .map(({ value }) => value)
    .join("-");
}

function clock(at: number, zone: string | undefined): string {
  const text = clockTime(at, zone);
  return text.endsWith(":00") ? text.slice(0, 5) : text;
}

function dated(at: number, zone: string | undefined): string {
  return `${dateOf(at, zone)} ${clock(at, zone)}`;
}
