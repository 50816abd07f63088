import { describe, expect, test } from "vitest";
import { duration, instant, relative, shortTime, wholeSeconds, zoneName } from "../src/text/time";

const NOON = Date.UTC(2026, 10, 27, 12);

describe("instant", () => {
  test.each([
    { text: "2026-11-27T12:00:00Z", at: NOON },
    { text: "2026-11-27T13:00:00.000000001+01:00", at: NOON },
    { text: "0001-01-01T00:00:00Z", at: undefined },
    { text: "0000-12-31T19:03:58-04:56", at: undefined },
    { text: "yesterday", at: undefined },
    { text: null, at: undefined },
    { text: "", at: undefined },
  ])("$text", ({ text, at }) => expect(instant(text)).toBe(at));
});

describe("duration", () => {
  test.each([
    { ms: -5, words: "0.00 s" },
    { ms: 254, words: "0.25 s" },
    { ms: 1500, words: "1.5 s" },
    { ms: 59_999, words: "59 s" },
    { ms: 65_000, words: "1 min 5 s" },
    { ms: 3_600_000, words: "1 h" },
    { ms: 93_784_000, words: "1 d 2 h" },
  ])("$ms ms", ({ ms, words }) => expect(duration(ms)).toBe(words));
});

describe("relative", () => {
  test.each([
    { name: "now", by: 200, words: "now" },
    { name: "to come", by: 5000, words: "in 5 s" },
    { name: "past", by: -90_000, words: "1 min 30 s ago" },
  ])("$name", ({ by, words }) => expect(relative(NOON + by, NOON)).toBe(words));
});

test("whole seconds never go below zero", () => expect(wholeSeconds(-3)).toBe("0 s"));

describe("shortTime", () => {
  test.each([
    { name: "today", at: NOON - 3_600_000, zone: "UTC", words: "11:00:00" },
    { name: "in the job's zone", at: NOON, zone: "Asia/Kathmandu", words: "17:45:00" },
    { name: "another day", at: NOON + 86_400_000, zone: "UTC", words: "Sat 28 Nov 12:00:00" },
    {
      name: "the same date of another year",
      at: Date.UTC(2027, 10, 27, 12),
      zone: "UTC",
      words: "Sat 27 Nov 2027 12:00:00",
    },
    { name: "a zone that the browser does not know", at: NOON, zone: "Mars/Olympus", words: "12:00:00" },
  ])("$name", ({ at, zone, words }) => expect(shortTime(at, NOON, zone)).toBe(words));
});

describe("zoneName", () => {
  test.each([
    { zone: "local", job: "Europe/Madrid", name: undefined },
    { zone: "utc", job: "Europe/Madrid", name: "UTC" },
    { zone: "job", job: "Europe/Madrid", name: "Europe/Madrid" },
    { zone: "job", job: "", name: "UTC" },
    { zone: "job", job: "Local", name: "UTC" },
  ] as const)("$zone of a job in $job", ({ zone, job, name }) => expect(zoneName(zone, job)).toBe(name));
});
