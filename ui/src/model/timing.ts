// Slots and runs of a job side by side in time. Pure.

import type { Execution, Explanation } from "../api/client";
import { planned, type Result, result, taken } from "./slots";
import { instant } from "./time";

/** The newest runs that are drawn. */
const RUNS = 20;
/** Slots to come that are drawn. */
export const AHEAD = 3;
const MINUTE = 60_000;

export interface Slot {
  readonly at: number;
  /** In the words of the API: `ran`, `skipped`, `to come` and others. */
  readonly what: string;
  readonly why: string;
}

export interface Run {
  readonly id: string;
  /** Of two lanes, the one in which it is drawn: runs that overlap are beside each other. */
  readonly lane: 0 | 1;
  /** When it was planned, when it began and when it ended, in milliseconds since 1970. */
  readonly planned: number | undefined;
  readonly began: number;
  readonly ended: number;
  readonly result: Result;
}

/** The time to draw, in milliseconds since 1970: from the newest runs, the first of which was planned at `since`, to
 * the next slots. Undefined without runs. */
export function spanOf(
  runs: readonly Execution[],
  next: readonly string[],
  now: number,
): { from: number; since: number; to: number } | undefined {
  const times = runs.slice(0, RUNS).map((each) => planned(each) ?? instant(each.started_at) ?? now);
  if (!times.length) return undefined;
  const since = Math.min(...times);
  const last = next.slice(0, AHEAD).map((each) => Date.parse(each));
  // The time to come takes a third of the room at most.
  const to = Math.min(Math.max(now, ...last), now + (now - since) / 2);
  const room = Math.max(MINUTE, to - since) * 0.02;
  return { from: since - room, since, to: to + room };
}

/** The time to draw as now: the page's clock goes by seconds, and no run begins after now. */
export function presentOf(executions: readonly Execution[], now: number): number {
  return Math.max(
    now,
    ...executions.slice(0, RUNS).map((each) => instant(each.finished_at) ?? instant(each.started_at) ?? 0),
  );
}

/** The newest runs, the first to begin first. */
export function runsOf(executions: readonly Execution[], now: number): Run[] {
  const begun = executions.slice(0, RUNS).flatMap((each) => {
    const began = instant(each.started_at);
    if (began === undefined) return [];
    return [{ id: each.id, planned: planned(each), began, ended: began + taken(each, now), result: result(each) }];
  });
  const until: [number, number] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return begun
    .sort((a, b) => a.began - b.began)
    .map((run) => {
      const lane = until[0] <= run.began || until[0] <= until[1] ? 0 : 1;
      until[lane] = Math.max(until[lane], run.ended);
      return { ...run, lane };
    });
}

/** The slots that the API knows of, and those to come until `to`. */
export function slotsOf(explained: Explanation | undefined, next: readonly string[], to: number): Slot[] {
  const past = (explained?.slots ?? []).filter(({ what }) => what !== "to come" && what !== "unknown");
  return [
    ...past.map((each) => ({ at: Date.parse(each.slot), what: each.what, why: each.why })),
    ...next.map((each) => ({ at: Date.parse(each), what: "to come", why: "" })).filter((each) => each.at <= to),
  ];
}

/** The slots that can be told apart: of several of one kind that fall on the same few pixels, the first. */
export function apart(slots: readonly Slot[], x: (at: number) => number): Slot[] {
  const seen = new Set<string>();
  return slots.filter(({ at, what }) => {
    const place = `${Math.round(x(at) / 3)} ${what}`;
    return !seen.has(place) && seen.add(place);
  });
}

/** `18 of 20 slots ran`; empty without a slot. */
export function slotsInWords(slots: readonly Slot[]): string {
  const past = slots.filter((each) => each.what !== "to come");
  if (!past.length) return "";
  const ran = past.filter((each) => each.what === "ran").length;
  return `${ran} of ${past.length} ${past.length === 1 ? "slot" : "slots"} ran`;
}
