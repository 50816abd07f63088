// The overview's sentences about jobs that need a person, and about how late runs began. Pure.

import type { Summary } from "../api/client";
import { duration, wholeSeconds } from "./time";

/** The command of a remedy, without the words around it; empty for a remedy that is none. */
export function commandOf(remedy: string): string {
  return /^dkronctl [a-z-]+ [^\s;]+( --[a-z-]+)*/.exec(remedy)?.[0] ?? "";
}

/** Seconds from which on it is told how late the last runs began. */
const NOTABLE = 2;

/** How late the runs of the last hour began, as a sentence; `job` is the one that began latest, to stand at its end with
 * `after`. Empty without a run by schedule. */
export function latenessInWords({
  lateness_seconds: late,
  last_hour,
}: Pick<Summary, "lateness_seconds" | "last_hour">): { words: string; job: string; after: string } {
  const { p50, p99, max } = late;
  const nothing = { words: "", job: "", after: "" };
  if (!late.runs || p50 === undefined || p99 === undefined || max === undefined) return nothing;
  const latest = last_hour.slots.find((each) => each.late_seconds !== undefined && each.late_seconds >= max - 0.01);
  let words = `Half of the runs by schedule began within ${seconds(p50)} of their slot`;
  if (p99 >= NOTABLE && p99 > p50) words += `, 99 % within ${seconds(p99)}`;
  if (max < NOTABLE || max <= p50) return { ...nothing, words: `${words}.` };
  if (latest) return { words: `${words}. The latest was `, job: latest.job, after: `: ${seconds(max)} late.` };
  return { ...nothing, words: `${words}; the latest ${seconds(max)} after it.` };
}

function seconds(value: number): string {
  return value < 1 ? "a second" : duration(value * 1000);
}

/** How long a run took, and how often the usual length that is if it is longer: `2 h 18 min, 2.3 × usual`. */
export function tookInWords(seconds: number, usual: number | undefined): string {
  return usual && seconds >= LONGER * usual ? progressInWords(seconds, usual) : duration(seconds * 1000);
}

/** Times of the usual length from which on a run is longer than usual. */
const LONGER = 1.5;

/** How far a run is after these seconds, by what runs of its job usually take: `24 min of usually 1 h`, or `2 h 18 min,
 * 2.3 × usual`. Only the length where that is not known. */
export function progressInWords(elapsed: number, usual: number | undefined): string {
  const words = wholeSeconds(elapsed);
  if (!usual) return words;
  const times = elapsed / usual;
  if (times < LONGER) return `${words} of usually ${duration(usual * 1000)}`;
  return `${words}, ${times < 10 ? times.toFixed(1) : Math.round(times)} × usual`;
}
