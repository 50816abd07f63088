// Times of a job in its zone, beside the reader's. Pure, except for the reader's own time zone.

import { clockTime, day, shortTime, zoneName } from "./time";

/** A time in the zone of the job, and as the reader's clock shows it; that is empty where both are the same. */
export interface InBoth {
  readonly job: string;
  readonly reader: string;
}

/** The zone of a job, if this browser knows it. A job without a zone runs by UTC. */
export function jobZone(timezone: string): string {
  const name = zoneName("job", timezone) ?? "UTC";
  try {
    // It keeps the name that was given, where the browser knows the zone by an older one.
    new Intl.DateTimeFormat("en-GB", { timeZone: name });
    return name;
  } catch {
    return "UTC";
  }
}

/** `Buenos Aires` of `America/Argentina/Buenos_Aires`. */
export function placeOf(zone: string): string {
  return zone.slice(zone.lastIndexOf("/") + 1).replaceAll("_", " ");
}

/** `at` and `now` are in milliseconds since 1970, `reader` is the zone of the reader; undefined for the browser's. */
export function inBoth(at: number, now: number, timezone: string, reader?: string): InBoth {
  const zone = jobZone(timezone);
  const [theirs, own] = [onClock(at, zone), onClock(at, reader)];
  const job = shortTime(at, now, zone);
  if (theirs.day === own.day) return { job, reader: theirs.clock === own.clock ? "" : own.clock };
  return { job: job === theirs.clock ? `${theirs.day} ${job}` : job, reader: `${own.day} ${own.clock}` };
}

/** The zones that a form suggests. */
export function zones(): readonly string[] {
  return ["UTC", ...Intl.supportedValuesOf("timeZone")];
}

function onClock(at: number, zone: string | undefined): { day: string; clock: string } {
  return { day: day(at, zone), clock: clockTime(at, zone) };
}
