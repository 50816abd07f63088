// Times as people read them. Pure, except for the reader's own time zone.

/** The time that stands for "never" and "not yet" in Dkron's API. */
const ZERO_YEAR = "0001-01-01";

/** Milliseconds since 1970 of a time of the API; undefined for "never", null and what cannot be read. */
export function instant(text: string | null | undefined): number | undefined {
  if (!text || text.startsWith(ZERO_YEAR) || text.startsWith("0000")) return undefined;
  const found = Date.parse(text);
  return Number.isNaN(found) ? undefined : found;
}

/** A time of the API, of milliseconds since 1970. */
export function rfc3339(at: number): string {
  return new Date(at).toISOString().replace(".000Z", "Z");
}

/** Which zone times are shown in: the reader's, UTC, or the job's. */
export type Zone = "local" | "utc" | "job";

/** The name of a zone for Intl; undefined means the reader's own. `job` is the zone of the job, empty for UTC. */
export function zoneName(zone: Zone, job = ""): string | undefined {
  if (zone === "local") return undefined;
  return zone === "job" && job && job.toLowerCase() !== "local" ? job : "UTC";
}

/** The zone that times are shown in, in words. */
export function zoneInWords(zone: Zone, job = ""): string {
  return zone === "local" ? "your local time" : (zoneName(zone, job) ?? "UTC");
}

/** Whether clocks of these zones show another time at this moment. */
export function offsetsDiffer(at: number, one: string | undefined, other: string | undefined): boolean {
  if (Number.isNaN(at)) return false;
  return day(at, one) !== day(at, other) || clockTime(at, one) !== clockTime(at, other);
}

/** Formats to keep: each is large, and jobs may have hundreds of zones. */
const MOST_FORMATS = 100;
const formats = new Map<string, Intl.DateTimeFormat>();

export function format(
  kind: string,
  zone: string | undefined,
  options: Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat {
  const key = `${kind} ${zone ?? ""}`;
  let found = formats.get(key);
  if (!found) {
    const base = { hourCycle: "h23", ...options } as const;
    try {
      found = new Intl.DateTimeFormat("en-GB", { ...base, timeZone: zone });
    } catch {
      // The browser may know fewer zones than the server.
      found = new Intl.DateTimeFormat("en-GB", { ...base, timeZone: "UTC" });
    }
    if (formats.size >= MOST_FORMATS) formats.clear();
    formats.set(key, found);
  }
  return found;
}

/** `14:05:09`. */
export function clockTime(at: number, zone?: string): string {
  return format("clock", zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at);
}

/** `Fri 27 Nov`. */
export function day(at: number, zone?: string): string {
  const parts = format("day", zone, { weekday: "short", day: "numeric", month: "short" }).formatToParts(at);
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? "";
  return `${of("weekday")} ${of("day")} ${of("month")}`;
}

/** The time of day, with the date if it is another day than `now`, and the year if it is another year. */
export function shortTime(at: number, now: number, zone?: string): string {
  const clock = clockTime(at, zone);
  if (day(at, zone) === day(now, zone) && Math.abs(at - now) < 2 * DAY) return clock;
  const year = format("year", zone, { year: "numeric" });
  const later = year.format(at) === year.format(now) ? "" : ` ${year.format(at)}`;
  return `${day(at, zone)}${later} ${clock}`;
}

/** Whether these fall on several days. */
export function onSeveralDays(times: readonly (number | undefined)[], zone?: string): boolean {
  return new Set(times.map((at) => (at === undefined ? "" : day(at, zone)))).size > 1;
}

/** Day, year and time of day: for what may be long ago. */
export function yearTime(at: number, zone?: string): string {
  return `${day(at, zone)} ${format("year", zone, { year: "numeric" }).format(at)} ${clockTime(at, zone)}`;
}

/** The same beside other days: `today 14:05:09`. */
export function datedTime(at: number, now: number, zone?: string): string {
  const text = shortTime(at, now, zone);
  return text === clockTime(at, zone) ? `today ${text}` : text;
}

/** `Fri 4 Dec`, or `1 Jan 2035` of another year. */
function date(at: number, now: number, zone?: string): string {
  const year = format("year", zone, { year: "numeric" });
  const found = day(at, zone);
  return year.format(at) === year.format(now) ? found : `${found.slice(found.indexOf(" ") + 1)} ${year.format(at)}`;
}

/** A sentence of the server with its times as the page shows times. */
export function inZone(sentence: string, now: number, zone?: string): string {
  return sentence.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, (text) => {
    const at = instant(text);
    return at === undefined ? text : shortTime(at, now, zone);
  });
}

/** Date, time and zone in full, for titles. */
export function fullTime(at: number, zone?: string): string {
  const options = { dateStyle: "full", timeStyle: "long" } as const;
  return format("full", zone, options).format(at);
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds below which a length is not told: most times of Kubernetes are whole seconds. */
const LEAST = 10;

/** A length of time in at most two units: `0.25 s`, `1 min 5 s`, `3 d 2 h`. `ms` is in milliseconds. */
export function duration(ms: number): string {
  const length = Math.max(0, ms);
  if (length < LEAST) return "< 1 s";
  if (length < SECOND) return `${(length / SECOND).toFixed(2)} s`;
  if (length < 10 * SECOND) return `${Math.floor(length / 100) / 10} s`;
  const units: [number, string][] = [
    [DAY, "d"],
    [HOUR, "h"],
    [MINUTE, "min"],
    [SECOND, "s"],
  ];
  const first = units.findIndex(([size]) => length >= size);
  const [size, name] = units[first] ?? [SECOND, "s"];
  const whole = Math.floor(length / size);
  const second = units[first + 1];
  const rest = second ? Math.floor((length - whole * size) / second[0]) : 0;
  return rest && second ? `${whole} ${name} ${rest} ${second[1]}` : `${whole} ${name}`;
}

/** `in 5 min` or `5 min ago`, by whole seconds. */
export function relative(at: number, now: number): string {
  const seconds = Math.round((at - now) / SECOND);
  if (seconds === 0) return "now";
  const length = wholeSeconds(Math.abs(seconds));
  return seconds > 0 ? `in ${length}` : `${length} ago`;
}

/** `in 5 min 3 s`, or the date of what is more than a week ahead. */
export function countdown(at: number, now: number, zone?: string): string {
  return at - now > 7 * DAY ? date(at, now, zone) : relative(at, now);
}

/** `4 h ago` in one unit, or the date of what is more than a week ago. */
export function ago(at: number, now: number, zone?: string): string {
  if (now - at > 7 * DAY) return date(at, now, zone);
  const words = relative(Math.min(at, now), now);
  return words === "now" ? words : words.replace(/^(\d+ \w+) .*ago$/, "$1 ago");
}

/** A length in whole seconds, for what counts while the reader looks at it. */
export function wholeSeconds(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return whole < 10 ? `${whole} s` : duration(whole * SECOND);
}
