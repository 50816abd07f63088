import { describe, expect, test } from "vitest";
import { readSpan, type Span, spanInWords } from "../src/model/span";

const MADRID = "Europe/Madrid";
/** A Friday, 13:00 in Madrid. */
const NOON = Date.UTC(2026, 10, 27, 12);

/** A span by the clocks of Madrid in winter, as texts. */
function told(span: Span | undefined): string {
  if (!span) return "no time";
  const of = (at: number | undefined) => (at === undefined ? "" : new Date(at + 3_600_000).toISOString().slice(0, 19));
  return span.at === undefined ? `${of(span.from)}/${of(span.to)}` : of(span.at);
}

describe("a time as it is typed", () => {
  test.each([
    { text: "", is: "/" },
    { text: "05:41", is: "2026-11-27T05:41:00" },
    { text: " 5:41 ", is: "2026-11-27T05:41:00" },
    { text: "05:41:07", is: "2026-11-27T05:41:07" },
    { text: "13:01", is: "2026-11-26T13:01:00" },
    { text: "yesterday 02:30", is: "2026-11-26T02:30:00" },
    { text: "Last Tuesday, 9:00", is: "2026-11-24T09:00:00" },
    { text: "2026-11-20T04:05", is: "2026-11-20T04:05:00" },
    { text: "last tuesday", is: "2026-11-24T00:00:00/2026-11-25T00:00:00" },
    { text: "tue", is: "2026-11-24T00:00:00/2026-11-25T00:00:00" },
    { text: "friday", is: "2026-11-27T00:00:00/2026-11-28T00:00:00" },
    { text: "last friday", is: "2026-11-20T00:00:00/2026-11-21T00:00:00" },
    { text: "today", is: "2026-11-27T00:00:00/2026-11-28T00:00:00" },
    { text: "last week", is: "2026-11-16T00:00:00/2026-11-23T00:00:00" },
    { text: "this month", is: "2026-11-01T00:00:00/2026-12-01T00:00:00" },
    { text: "november", is: "2026-11-01T00:00:00/2026-12-01T00:00:00" },
    { text: "december", is: "2025-12-01T00:00:00/2026-01-01T00:00:00" },
    { text: "dec 2024", is: "2024-12-01T00:00:00/2025-01-01T00:00:00" },
    { text: "27 nov", is: "2026-11-27T00:00:00/2026-11-28T00:00:00" },
    { text: "nov 28", is: "2025-11-28T00:00:00/2025-11-29T00:00:00" },
    { text: "2026-11", is: "2026-11-01T00:00:00/2026-12-01T00:00:00" },
    { text: "2h", is: "2026-11-27T11:00:00/" },
    { text: "last 24 hours", is: "2026-11-26T13:00:00/" },
    { text: "last hour", is: "2026-11-27T12:00:00/" },
    { text: "since monday", is: "2026-11-23T00:00:00/" },
    { text: "until yesterday 02:30", is: "/2026-11-26T02:30:00" },
    { text: "02:00 to 03:30", is: "2026-11-27T02:00:00/2026-11-27T03:30:00" },
    { text: "23:00 - 02:00", is: "2026-11-26T23:00:00/2026-11-27T02:00:00" },
    { text: "yesterday 02:00–03:00", is: "2026-11-26T02:00:00/2026-11-26T03:00:00" },
    { text: "from monday to wednesday", is: "2026-11-23T00:00:00/2026-11-26T00:00:00" },
  ])("$text", ({ text, is }) => expect(told(readSpan(text, NOON, MADRID))).toBe(is));

  test.each([
    ...["25:00", "05:60", "soon", "2026-13", "2026-02-30", "31 apr", "ma", "last", "last day", "last week 05:00"],
    ...["yesterday to tuesday", "1 nov 2", "since", "05:41 to", "99999h"],
  ])("%s is none", (text) => expect(readSpan(text, NOON, MADRID)).toBeUndefined());

  test("a day in which the clocks change has another length", () => {
    const { from = 0, to = 0 } = readSpan("2026-10-25", NOON, MADRID) ?? {};
    expect((to - from) / 3_600_000).toBe(25);
  });
});

describe("a span is told as a text that means it", () => {
  const at = (hour: number, minute = 0, second = 0) => Date.UTC(2026, 10, 26, hour, minute, second);
  test.each([
    { span: {}, is: "" },
    { span: { at: at(4, 41) }, is: "2026-11-26 05:41" },
    { span: { at: at(4, 41, 7) }, is: "2026-11-26 05:41:07" },
    { span: { from: at(4, 41), to: at(4, 42) }, is: "2026-11-26 05:41 to 05:42" },
    { span: { from: at(22, 30), to: at(23, 30) }, is: "2026-11-26 23:30 to 2026-11-27 00:30" },
    { span: { from: at(-1), to: at(23) }, is: "2026-11-26" },
    { span: { from: at(-1), to: at(71) }, is: "2026-11-26 to 2026-11-28" },
    { span: { from: Date.UTC(2026, 9, 31, 23), to: Date.UTC(2026, 10, 30, 23) }, is: "2026-11" },
    { span: { from: at(4, 41) }, is: "since 2026-11-26 05:41" },
    { span: { to: at(4, 41) }, is: "until 2026-11-26 05:41" },
  ])("$is", ({ span, is }) => {
    expect(spanInWords(span, MADRID)).toBe(is);
    expect(readSpan(is, NOON + 86_400_000 * 9, MADRID)).toEqual(span);
  });
});
