// An hour back and an hour ahead, minute by minute: how many executions ended, run, and are planned. Pure.

import type { Summary } from "../api/client";
import type { Bucket } from "../api/runs";
import { runsPath } from "./runs";
import { instant } from "./time";

export const MINUTES = 60;
const MINUTE = 60_000;
/** Jobs that are named for one minute. */
const NAMED = 6;

export const KINDS = ["failed", "running", "success", "planned"] as const;
export type Kind = (typeof KINDS)[number];

export interface Column {
  /** Minutes after the one of now: from -60 to 59. */
  readonly minute: number;
  readonly counts: Readonly<Record<Kind, number>>;
  /** Slots that did not run. */
  readonly skipped: number;
  /** Some of the jobs that run or are planned. */
  readonly jobs: readonly string[];
}

type Told = Pick<Summary, "running" | "next_hour">;

/** The minutes that have any, from the first. `now` begins a minute. An execution that is over is in the minute of its
 * end, and one that runs in the minute of its start. */
export function columnsOf({ running, next_hour }: Told, ended: readonly Bucket[], now: number): Column[] {
  const counts = new Map<number, Record<Kind | "skipped", number>>();
  const add = (at: string | undefined | null, kind: Kind | "skipped", count: number) => {
    const minute = minuteOf(at, now);
    if (minute === undefined || !count) return;
    const found = counts.get(minute) ?? { failed: 0, running: 0, success: 0, planned: 0, skipped: 0 };
    found[kind] += count;
    counts.set(minute, found);
  };
  for (const { begin, success, failed, skipped } of ended) {
    add(begin, "success", success);
    add(begin, "failed", failed);
    add(begin, "skipped", skipped);
  }
  for (const each of running.executions) add(each.started_at, "running", 1);
  for (const each of next_hour.minutes) add(each.at, "planned", each.slots);
  const names = namesOf({ running, next_hour }, now);
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([minute, { skipped, ...found }]) => ({
      ...{ minute, counts: found, skipped, jobs: [...(names.get(minute) ?? [])].slice(0, NAMED) },
    }));
}

function namesOf({ running, next_hour }: Told, now: number): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>();
  const add = (at: string | null, words: string) => {
    const minute = minuteOf(at, now);
    if (minute !== undefined) found.set(minute, (found.get(minute) ?? new Set()).add(words));
  };
  for (const each of running.executions) add(each.started_at, `${each.job} runs`);
  for (const each of next_hour.slots) add(each.due, each.job);
  return found;
}

function minuteOf(at: string | undefined | null, now: number): number | undefined {
  const minute = Math.floor(((instant(at) ?? Number.NaN) - now) / MINUTE);
  return minute >= -MINUTES && minute < MINUTES ? minute : undefined;
}

/** All of a column that is drawn. */
export function sizeOf({ counts }: Pick<Column, "counts">): number {
  return KINDS.reduce((sum, kind) => sum + counts[kind], 0);
}

const WORDS: Record<Kind, string> = { failed: "failed", running: "running", success: "succeeded", planned: "planned" };

/** `3 succeeded, 1 failed, 1 slot did not run`. */
export function countsInWords({ counts, skipped }: Pick<Column, "counts" | "skipped">): string {
  const words = KINDS.filter((kind) => counts[kind]).map((kind) => `${counts[kind]} ${WORDS[kind]}`);
  return [...words, ...(skipped ? [`${skipped} ${skipped === 1 ? "slot" : "slots"} did not run`] : [])].join(", ");
}

/** The list of what is in a column: what ended, did not run or is planned in this minute, or else what runs. */
export function pathOf({ minute, counts }: Column, now: number): string {
  const from = now + minute * MINUTE;
  return runsPath(
    counts.running && counts.running === sizeOf({ counts }) ? { state: "running" } : { from, to: from + MINUTE },
  );
}

/** Up to which minute some of the runs are not kept any more; undefined if all are. */
export function keptFrom({ last_hour }: Pick<Summary, "last_hour">, now: number): number | undefined {
  const since = instant(last_hour.kept_since);
  return since === undefined ? undefined : Math.max(-MINUTES, Math.min(1, Math.ceil((since - now) / MINUTE)));
}

/** From which minute on the slots are not counted; undefined if all are. */
export function unknownFrom({ next_hour }: Pick<Told, "next_hour">, now: number): number | undefined {
  const minute = minuteOf(next_hour.counted_until, now);
  return minute === undefined ? undefined : minute + 1;
}
