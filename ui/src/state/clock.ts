// The server's time, second by second, while the page is visible.

import { signal } from "@preact/signals";

/** Differences below this are the network's, and are not corrected. Milliseconds. */
const TOLERATED = 2000;
let offset = 0;

/** Milliseconds since 1970, by the server's clock. */
export const now = signal(Date.now());

/** Take over the server's time, from the header `Date` of an answer. */
export function serverTime(date: string | null): void {
  const theirs = date ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(theirs)) return;
  const difference = theirs + 500 - Date.now();
  offset = Math.abs(difference) > TOLERATED ? difference : 0;
  tick();
}

/** The server's time at this moment, in milliseconds since 1970. `now` is its time at the last second. */
export function serverNow(): number {
  return Date.now() + offset;
}

function tick(): void {
  now.value = serverNow();
}

/** Have `now` go on while the page is visible. Returns what ends that. */
export function runClock(): () => void {
  const timer = setInterval(() => {
    if (!document.hidden) tick();
  }, 1000);
  document.addEventListener("visibilitychange", tick);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", tick);
  };
}
