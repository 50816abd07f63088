// What pauses the whole namespace: every view says so.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { listPauses, type Pause } from "../api/pauses";
import { useQuery } from "./query";
import { may } from "./session";

/** Seconds between two looks, and between two while a pause begins. */
const [EVERY, SOON] = [20, 2];
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

/** The newest pauses of the namespace, as the frame of the page read them. */
const known = signal<readonly Pause[]>([]);

export function knownPauses(): readonly Pause[] {
  return known.value;
}

/** Read them, again from time to time. None are known to a reader who may not see them. */
export function usePauses(): readonly Pause[] {
  const [every, setEvery] = useState(EVERY);
  const key = may("list dkronpauses") ? `pauses of all ${pauseChanges()}` : null;
  const { data } = useQuery(key, (signal) => listPauses({ end: MOST }, signal), { every });
  const begins = data?.items.some(({ state }) => state === "unseen") ?? false;
  useEffect(() => setEvery(begins ? SOON : EVERY), [begins]);
  useEffect(() => {
    known.value = data?.items ?? [];
  }, [data]);
  return data?.items ?? [];
}
