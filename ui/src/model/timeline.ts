// An hour back and an hour ahead, minute by minute: how many runs and slots each has. Pure.

import type { Summary } from "../api/client";
import type { State } from "./state";
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
  /** Some of the jobs, those that failed first. */
  readonly jobs: readonly string[];
}

type Told = Pick<Summary, "last_hour" | "running" | "next_hour">;

/** The minutes that have any, from the first. `now` begins a minute. */
export function columnsOf({ last_hour, running, next_hour }: Told, now: number): Column[] {
  const counts = new Map<number, Record<Kind, number>>();
  const add = (at: string | undefined | null, kind: Kind, count: number) => {
    const minute = minuteOf(at, now);
    if (minute === undefined || !count) return;
    const found = counts.get(minute) ?? { failed: 0, running: 0, success: 0, planned: 0 };
    found[kind] += count;
    counts.set(minute, found);
  };
  for (const each of last_hour.minutes) {
    add(each.at, "success", each.success ?? 0);
    add(each.at, "failed", (each.failed ?? 0) + (each.partially_failed ?? 0));
  }
  for (const each of running.executions) add(each.started_at, "running", 1);
  for (const each of next_hour.minutes) add(each.at, "planned", each.slots);
  const names = namesOf({ last_hour, running, next_hour }, now);
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([minute, found]) => ({ minute, counts: found, jobs: [...(names.get(minute) ?? [])].slice(0, NAMED) }));
}

function namesOf({ last_hour, running, next_hour }: Told, now: number): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>();
  const add = (at: string | null, words: string) => {
    const minute = minuteOf(at, now);
    if (minute !== undefined) found.set(minute, (found.get(minute) ?? new Set()).add(words));
  };
  const failed = last_hour.slots.filter((each) => each.result !== "success");
  for (const each of failed) add(each.started_at, `${each.job} failed`);
  for (const each of running.executions) add(each.started_at, `${each.job} runs`);
  for (const each of last_hour.slots) if (each.result === "success") add(each.started_at, each.job);
  for (const each of next_hour.slots) add(each.due, each.job);
  return found;
}

function minuteOf(at: string | undefined | null, now: number): number | undefined {
  const minute = Math.floor(((instant(at) ?? Number.NaN) - now) / MINUTE);
  return minute >= -MINUTES && minute < MINUTES ? minute : undefined;
}

/** All of a column. */
export function sizeOf({ counts }: Column): number {
  return KINDS.reduce((sum, kind) => sum + counts[kind], 0);
}

const WORDS: Record<Kind, string> = { failed: "failed", running: "running", success: "succeeded", planned: "planned" };

/** `3 succeeded, 1 failed`. */
export function countsInWords(counts: Column["counts"]): string {
  return KINDS.filter((kind) => counts[kind])
    .map((kind) => `${counts[kind]} ${WORDS[kind]}`)
    .join(", ");
}

/** Up to which minute some of the runs are not kept any more; undefined if all are. */
export function keptFrom({ last_hour }: Pick<Told, "last_hour">, now: number): number | undefined {
  const since = instant(last_hour.kept_since);
  return since === undefined ? undefined : Math.max(-MINUTES, Math.min(1, Math.ceil((since - now) / MINUTE)));
}

export interface Entry {
  readonly job: string;
  readonly state: State;
  readonly at: string;
  /** Seconds that it took; undefined for one that has not ended. */
  readonly took: number | undefined;
  /** The id of an execution that is active. */
  readonly id: string | undefined;
}

/** What ran or runs of one minute, or is due in it, as far as the overview lists it, in the order of their times. */
export function entriesOf({ last_hour, running, next_hour }: Told, at: number): Entry[] {
  const isIn = (time: string | null) => Math.floor((instant(time) ?? Number.NaN) / MINUTE) === Math.floor(at / MINUTE);
  const found: Entry[] = [
    ...last_hour.slots.map((each) => ({
      ...{ job: each.job, state: each.result, at: each.started_at, took: each.took_seconds, id: undefined },
    })),
    ...running.executions.map((each) => ({
      ...{ job: each.job, state: "running" as const, at: each.started_at ?? "", took: undefined, id: each.id },
    })),
    ...next_hour.slots.map((each) => ({
      ...{ job: each.job, state: "waiting" as const, at: each.due, took: undefined, id: undefined },
    })),
  ];
  return found.filter((each) => isIn(each.at)).sort((a, b) => a.at.localeCompare(b.at) || a.job.localeCompare(b.job));
}

/** From which minute on the slots are not counted; undefined if all are. */
export function unknownFrom({ next_hour }: Told, now: number): number | undefined {
  const minute = minuteOf(next_hour.counted_until, now);
  return minute === undefined ? undefined : minute + 1;
}
