import { describe, expect, test } from "vitest";
import { atWall, readMoment, ticksOf, wallTime } from "../src/model/axis";
import {
  ago,
  countdown,
  datedTime,
  duration,
  instant,
  inZone,
  onSeveralDays,
  relative,
  shortTime,
  wholeSeconds,
  zoneName,
} from "../src/model/time";

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
    { ms: -5, words: "< 1 s" },
    { ms: 0, words: "< 1 s" },
    { ms: 254, words: "0.25 s" },
    { ms: 1500, words: "1.5 s" },
    { ms: 4000, words: "4 s" },
    { ms: 9999, words: "9.9 s" },
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

test("a sentence of the server has its times as the page shows them", () => {
  const said =
    "counted from 2026-11-27T05:42:53Z on, once from 2026-02-01T00:00:00.25+01:00; 2026-99-01T00:00:00Z is none";
  expect(inZone(said, NOON, "Europe/Madrid")).toBe(
    "counted from 06:42:53 on, once from Sun 1 Feb 00:00:00; 2026-99-01T00:00:00Z is none",
  );
});

describe("how far away a time is", () => {
  const DAYS = 86_400_000;
  test.each([
    { name: "soon", by: 5000, ahead: "in 5 s", back: "5 s ago" },
    { name: "within a day", by: 7_380_000, ahead: "in 2 h 3 min", back: "2 h ago" },
    { name: "within a week", by: 6.5 * DAYS, ahead: "in 6 d 12 h", back: "6 d ago" },
    { name: "this year", by: 30 * DAYS, ahead: "Sun 27 Dec", back: "Wed 28 Oct" },
    { name: "another year", by: 2958 * DAYS, ahead: "2 Jan 2035", back: "22 Oct 2018" },
  ])("$name", ({ by, ahead, back }) => {
    expect([countdown(NOON + by, NOON, "UTC"), ago(NOON - by, NOON, "UTC")]).toEqual([ahead, back]);
  });

  test("a time of today says so beside others", () => {
    expect(datedTime(NOON, NOON, "UTC")).toBe("today 12:00:00");
    expect(datedTime(NOON - DAYS, NOON, "UTC")).toBe("Thu 26 Nov 12:00:00");
    expect(onSeveralDays([NOON, NOON + 1000], "UTC")).toBe(false);
    expect(onSeveralDays([NOON, NOON - DAYS / 2 - 1], "UTC")).toBe(true);
  });
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

describe("an axis of time has marks at the times that it names", () => {
  const SECOND = 1000;
  const MINUTE = 60 * SECOND;
  const HOUR = 60 * MINUTE;
  const madrid = "Europe/Madrid";
  test.each([
    {
      name: "seconds",
      from: NOON - 4000,
      to: NOON + 12_000,
      zone: "UTC",
      labels: ["12:00:00", "12:00:05", "12:00:10"],
    },
    { name: "minutes", from: NOON - 130 * SECOND, to: NOON, zone: "UTC", labels: ["11:58", "11:59", "12:00"] },
    {
      name: "the first of a day with its date",
      from: NOON - 20 * HOUR,
      to: NOON,
      zone: "UTC",
      labels: ["Thu 26 Nov 18:00", "Fri 27 Nov 00:00", "06:00", "12:00"],
    },
    { name: "days", from: NOON - 40 * HOUR, to: NOON, most: 2, zone: "UTC", labels: ["Thu 26 Nov", "Fri 27 Nov"] },
    {
      name: "hours of a zone with 45 minutes",
      from: NOON,
      to: NOON + 3 * HOUR,
      zone: "Asia/Kathmandu",
      labels: ["18:00", "19:00", "20:00"],
    },
    {
      name: "an hour that the clocks leave out",
      from: Date.UTC(2026, 2, 28, 23),
      to: Date.UTC(2026, 2, 29, 3),
      zone: madrid,
      most: 5,
      labels: ["Sun 29 Mar 00:00", "01:00", "03:00", "04:00", "05:00"],
    },
  ])("$name", ({ from, to, zone, most = 4, labels }) => {
    const ticks = ticksOf(from, to, most, NOON, zone);
    expect(ticks.map((each) => each.label)).toEqual(labels);
    for (const { at, label } of ticks) {
      if (label.includes(":")) expect(shortTime(at, at, zone)).toContain(label.slice(-5));
    }
  });

  test.each([
    { wall: [2026, 10, 27, 12], at: NOON - HOUR },
    { wall: [2026, 2, 29, 2, 30], at: Date.UTC(2026, 2, 29, 1, 30) },
  ] as const)("$wall in Madrid", ({ wall, at }) => {
    const shown = Date.UTC(...(wall as unknown as [number, number]));
    expect(atWall(shown, madrid)).toBe(at);
    expect(wallTime(NOON, madrid)).toBe(NOON + HOUR);
  });
});

describe("a moment that a person types", () => {
  test.each([
    { text: "05:59", is: "2026-11-27T04:59:00Z" },
    { text: " 5:59:30 ", is: "2026-11-27T04:59:30Z" },
    { text: "14:00", is: "2026-11-26T13:00:00Z" },
    { text: "today 14:00", is: "2026-11-27T13:00:00Z" },
    { text: "Yesterday 02:30", is: "2026-11-26T01:30:00Z" },
    { text: "2026-07-01 02:30", is: "2026-07-01T00:30:00Z" },
    { text: "2026-11-27T02:30:00Z", is: "2026-11-27T02:30:00Z" },
    { text: "2026-11-27 02:30:00+01:00", is: "2026-11-27T02:30:00+01:00" },
    { text: "2h", is: "2h" },
    { text: "Now", is: "now" },
    { text: "24:00", is: undefined },
    { text: "05:60", is: undefined },
    { text: "2026-13-01 02:30", is: undefined },
    { text: "0h", is: undefined },
    { text: "noon", is: undefined },
    { text: "", is: undefined },
  ])("$text", ({ text, is }) => expect(readMoment(text, NOON, "Europe/Madrid")).toBe(is));
});
