import { describe, expect, test } from "vitest";
import { cellInWords, type HourCell, mostOf, shadeOf, spanOfWeek, weekOf } from "../src/model/week";

const HOUR = 3_600_000;
/** A Friday, 13:20 in Madrid. */
const NOW = Date.UTC(2026, 10, 27, 12, 20);
const NO_FORECAST = { due: [], until: NOW + 100 * HOUR };

function bucket(at: number, counts: { success?: number; failed?: number; skipped?: number }) {
  return { begin: new Date(at).toISOString(), success: 0, failed: 0, skipped: 0, ...counts };
}

test("a week ends with tomorrow, and each hour has what ended in it and what is to come", () => {
  const ended = [
    bucket(Date.UTC(2026, 10, 26, 4), { success: 3, failed: 1 }),
    bucket(Date.UTC(2026, 10, 27, 12), { success: 2, skipped: 1 }),
  ];
  const due = [NOW - 1, NOW + 1, NOW + 10 * HOUR, NOW + 12 * HOUR].map((at) => new Date(at).toISOString());
  const days = weekOf(ended, { due, until: NOW + 12 * HOUR }, NOW, "Europe/Madrid");
  expect(days.length).toBe(8);
  expect(days.every(({ cells }) => cells.length === 24)).toBe(true);
  const { from, to } = spanOfWeek(NOW, "Europe/Madrid");
  expect([days[0]?.cells[0]?.from, days[7]?.cells[23]?.to]).toEqual([from, to]);
  expect(new Date(from).toISOString()).toBe("2026-11-20T23:00:00.000Z");
  const counts = ({ success, failed, skipped, planned }: HourCell) => [success, failed, skipped, planned];
  const at = (day: number, hour: number) => counts(days[day]?.cells[hour] as HourCell);
  expect(at(5, 5)).toEqual([3, 1, 0, 0]);
  expect(at(6, 13)).toEqual([2, 0, 1, 1]);
  expect(at(6, 14)).toEqual([0, 0, 0, 0]);
  expect(at(6, 23)).toEqual([0, 0, 0, 1]);
  // From here on the slots are not counted.
  expect(at(7, 1)).toEqual([0, 0, 0, undefined]);
  expect(mostOf(days)).toBe(4);
});

describe("a day on which the clocks", () => {
  test.each([
    { name: "go back", now: Date.UTC(2026, 9, 25, 12), hour: 2, hours: [1, 2, 1, 1], missing: 0 },
    { name: "go forward", now: Date.UTC(2026, 2, 29, 12), hour: 2, hours: [1, 1, undefined, 1], missing: 1 },
  ])("$name", ({ now, hours, missing }) => {
    const cells = weekOf([], NO_FORECAST, now, "Europe/Madrid")[6]?.cells ?? [];
    expect(cells.slice(0, 4).map((cell) => cell && (cell.to - cell.from) / HOUR)).toEqual(hours);
    expect(cells.filter((cell) => !cell).length).toBe(missing);
    const whole = cells.reduce((sum, cell) => sum + (cell ? cell.to - cell.from : 0), 0) / HOUR;
    expect(whole).toBe(24 + hours.reduce<number>((sum, each) => sum + (each ?? 0) - 1, 0));
  });

  test("are half an hour off has the hours of the server", () => {
    const days = weekOf([bucket(Date.UTC(2026, 10, 27, 1), { success: 1 })], NO_FORECAST, NOW, "Asia/Kolkata");
    expect(days.flatMap(({ cells }) => cells).filter((cell) => cell?.success)).toEqual([
      expect.objectContaining({ from: Date.UTC(2026, 10, 27, 1), to: Date.UTC(2026, 10, 27, 2) }),
    ]);
  });
});

const CELL = { from: NOW - HOUR, to: NOW, success: 0, failed: 0, skipped: 0, planned: 0 };
test.each([
  { cell: CELL, shade: 0, words: "nothing ran" },
  { cell: { ...CELL, to: NOW + 1 }, shade: 0, words: "nothing planned" },
  { cell: { ...CELL, success: 1 }, shade: 1, words: "1 succeeded" },
  { cell: { ...CELL, success: 20, failed: 5, skipped: 2 }, shade: 2, words: "20 succeeded, 5 failed, 2 did not run" },
  { cell: { ...CELL, success: 99, planned: 1 }, shade: 4, words: "99 succeeded, 1 planned" },
  { cell: { ...CELL, planned: undefined }, shade: 0, words: "later slots are not counted" },
])("an hour in words: $words", ({ cell, shade, words }) => {
  expect(cellInWords(cell, NOW)).toBe(words);
  expect(shadeOf(cell, 100)).toBe(shade);
});
