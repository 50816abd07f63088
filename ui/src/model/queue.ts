// The line of a job, whose runs wait for their turn: how the form reads and writes it, and in words. Pure.

import type { Execution } from "../api/client";
import { type Draft, isObject } from "./draft";
import { waitsAgain } from "./slots";
import { instant } from "./time";

/** The queue of a job that has none of its own. */
export const DEFAULT_QUEUE = { max: 10, expires: null, order: "oldest" } as const;

/** The choice about further runs: a word of Dkron's, or `queue` for a job that has a queue. */
export function choiceOf({ concurrency, queue }: Draft): string {
  const word = String(concurrency || "allow");
  return word === "forbid" && isObject(queue) ? "queue" : word;
}

/** The fields that make this choice. A queue goes with `forbid`, and null takes it out. */
export function chosen(choice: string, { queue }: Draft): Draft {
  if (choice !== "queue") return { concurrency: choice, queue: null };
  return { concurrency: "forbid", queue: isObject(queue) ? queue : { ...DEFAULT_QUEUE } };
}

/** `a slot waits in line: 10 at most, for 1h at most, the oldest first`. */
export function queueInWords(queue: unknown): string {
  const of: Draft = { ...DEFAULT_QUEUE, ...(isObject(queue) ? queue : {}) };
  return `a slot waits in line: ${of.max} at most, ${of.expires ? `for ${of.expires} at most, ` : ""}the ${of.order} first`;
}

/** `in queue reports, place 2` for one that waits for Kueue, `again in queue reports (evicted once), place 2` for one
 * that Kueue has stopped, `3rd of 12 for pool database` for one that waits for a pool,
 * or `place 2 in line`; empty for a run that has none. */
export function placeInWords({ place, pools = [], details }: Pick<Execution, "place" | "pools" | "details">): string {
  if (details?.local_queue) return `${inQueue(details)}${place ? `, place ${place}` : ""}`;
  // A run that is in the line of a pool waits for no other run of its job.
  const own = place && !pools.some((each) => each.place) ? [`place ${place} in line`] : [];
  return [...own, ...pools.map(inPool)].join(", ");
}

function inQueue({ local_queue, evictions }: NonNullable<Execution["details"]>): string {
  if (!evictions) return `in queue ${local_queue}`;
  return `again in queue ${local_queue} (evicted ${evictions === 1 ? "once" : `${evictions} times`})`;
}

function inPool({ name, place, waiting }: NonNullable<Execution["pools"]>[number]): string {
  return `${place ? ordinal(place) : "not among the first ten"} of ${waiting} for pool ${name}`;
}

function ordinal(place: number): string {
  return ["1st", "2nd", "3rd"][place - 1] ?? `${place}th`;
}

/** `database, with priority 10`: the pools in which each run of a job takes a place, by its manifest; empty for none. */
export function poolsInWords(manifest: unknown): string {
  const spec = isObject(manifest) && isObject(manifest.spec) ? manifest.spec : {};
  const pools = Array.isArray(spec.pools) ? spec.pools.join(", ") : "";
  return pools && spec.priority ? `${pools}, with priority ${spec.priority}` : pools;
}

/** Milliseconds that a run waited in line before it first began; undefined if it did not wait, or has not begun. */
export function waited(of: Pick<Execution, "queued_at" | "queued_for" | "started_at" | "details">): number | undefined {
  const { queued_at, queued_for, started_at } = of;
  if (waitsAgain(of) && queued_for !== undefined) return queued_for * 1000;
  const [since, began] = [instant(queued_at), instant(started_at)];
  return since === undefined || began === undefined ? undefined : Math.max(0, began - since);
}
