// What ran in a week, hour by hour, and what will run until tomorrow. Pure.

import type { Bucket } from "../api/runs";
import { atWall, wallTime } from "./axis";
import { instant } from "./time";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Days before today, and days after it. */
const [BACK, AHEAD] = [6, 1];
const HOURS = 24;
/** Shades of a cell, by how much is in it. */
export const SHADES = 4;

export interface HourCell {
  /** Milliseconds since 1970. An hour that the clocks repeat is part of the one before. */
  readonly from: number;
  readonly to: number;
  readonly success: number;
  readonly failed: number;
  /** Slots that did not run. */
  readonly skipped: number;
  /** Slots to come; undefined if they are not counted. */
  readonly planned: number | undefined;
}

export interface WeekDay {
  /** The begin of the day. */
  readonly at: number;
  /** A cell for each hour of the clock; undefined for one that the clocks leave out. */
  readonly cells: readonly (HourCell | undefined)[];
}

/** Slots to come, the earliest first. */
export interface Forecast {
  readonly due: readonly string[];
  /** Up to when they are counted. */
  readonly until: number;
}

/** The time of a week, from the first cell to the last: hours begin with the hours of UTC, also where clocks are half
 * an hour off. */
export function spanOfWeek(now: number, zone: string | undefined): { from: number; to: number } {
  const today = Math.floor(wallTime(now, zone) / DAY) * DAY;
  return { from: hourAt(today - BACK * DAY, zone), to: hourAt(today + (AHEAD + 1) * DAY, zone) };
}

function hourAt(wall: number, zone: string | undefined): number {
  return Math.floor(atWall(wall, zone) / HOUR) * HOUR;
}

export function weekOf(
  ended: readonly Bucket[],
  { due, until }: Forecast,
  now: number,
  zone: string | undefined,
): WeekDay[] {
  const counts = new Map(ended.map((each) => [instant(each.begin), each]));
  const slots = due.map(Date.parse).filter((slot) => slot >= now);
  const today = Math.floor(wallTime(now, zone) / DAY) * DAY;
  const cell = (wall: number): HourCell | undefined => {
    const [from, to] = [hourAt(wall, zone), hourAt(wall + HOUR, zone)];
    if (from >= to) return undefined;
    const found = { success: 0, failed: 0, skipped: 0 };
    for (let at = from; at < to; at += HOUR) {
      const { success = 0, failed = 0, skipped = 0 } = counts.get(at) ?? {};
      found.success += success;
      found.failed += failed;
      found.skipped += skipped;
    }
    const planned = to <= now ? 0 : to > until ? undefined : slots.filter((slot) => slot >= from && slot < to).length;
    return { from, to, ...found, planned };
  };
  return Array.from({ length: BACK + 1 + AHEAD }, (_, place) => {
    const begin = today + (place - BACK) * DAY;
    const cells = Array.from({ length: HOURS }, (_, hour) => cell(begin + hour * HOUR));
    return { at: atWall(begin, zone), cells };
  });
}

/** All that is in a cell. */
function sizeOf({ success, failed, planned = 0 }: HourCell): number {
  return success + failed + planned;
}

/** The cells of the fullest hour. */
export function mostOf(days: readonly WeekDay[]): number {
  return Math.max(1, ...days.flatMap(({ cells }) => cells.map((each) => (each ? sizeOf(each) : 0))));
}

/** A shade from 0, for nothing, to `SHADES`: few are told from many, whatever the fullest hour has. */
export function shadeOf(cell: HourCell, most: number): number {
  const size = sizeOf(cell);
  return size ? Math.max(1, Math.ceil(SHADES * Math.sqrt(size / most))) : 0;
}

/** `12 succeeded, 1 failed, 3 planned`. */
export function cellInWords({ success, failed, skipped, planned, to }: HourCell, now: number): string {
  const words = [
    success && `${success} succeeded`,
    failed && `${failed} failed`,
    skipped && `${skipped} did not run`,
    planned && `${planned} planned`,
  ].filter(Boolean);
  if (planned === undefined) words.push("later slots are not counted");
  return words.join(", ") || (to > now ? "nothing planned" : "nothing ran");
}
