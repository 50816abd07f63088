// What pauses the whole namespace: every view says so.

import { signal } from "@preact/signals";
import { listPauses } from "../api/pauses";
import { isForAll } from "../model/backfills";
import { useQuery } from "./query";
import { may } from "./session";

/** Seconds between two looks. */
const EVERY = 20;
const MOST = 100;

/** Goes up when this page has changed a pause. */
const changes = signal(0);

/** Have all that shows pauses read them again. */
export function pausesChanged(): void {
  changes.value += 1;
}

/** Counts the changes of pauses that this page has made: part of the key of what depends on them. */
export function pauseChanges(): number {
  return changes.value;
}

/** The pauses that hold each job of the namespace. */
export function usePausesOfAll() {
  const key = may("list dkronpauses") ? `pauses of all ${pauseChanges()}` : null;
  const { data } = useQuery(key, (signal) => listPauses({ end: MOST }, signal), { every: EVERY });
  return (data?.items ?? []).filter(isForAll);
}
