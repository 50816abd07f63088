import { describe, expect, test } from "vitest";
import type { Execution } from "../src/api/client";
import { countInWords, isOpen, type RunsFilter, readRuns, requestsOf, runsPath, withNewest } from "../src/model/runs";

const NOON = Date.UTC(2026, 10, 27, 12);
const NO_FILTER: RunsFilter = { state: "", cause: "", jobs: [], owner: "", q: "" };

describe("the address of a list of executions", () => {
  test.each([
    { search: "", address: "/runs" },
    {
      search: "?state=failed&job=b&job=a&owner=Data&q=no+space",
      address: "/runs?state=failed&owner=Data&q=no+space&job=b&job=a",
    },
    { search: "?at=2026-11-27T05:41:00%2B01:00", address: "/runs?at=2026-11-27T04%3A41%3A00Z" },
    { search: "?from=soon&to=&job=&cause=manual&state=lost&more=1", address: "/runs?cause=manual" },
  ])("$search", ({ search, address }) => {
    expect(runsPath(readRuns(search))).toBe(address);
    expect(readRuns(address.slice(5))).toEqual(readRuns(search));
  });
});

interface Asked {
  name: string;
  filter: Partial<RunsFilter>;
  requests: object[];
}

describe("a list is asked for", () => {
  const at = (minute: number, second: number) => Date.UTC(2026, 10, 27, 5, minute, second);
  test.each<Asked>([
    { name: "without filters", filter: {}, requests: [{}] },
    {
      name: "between two times",
      filter: { from: at(41, 0), to: at(42, 0), state: "failed", jobs: ["a"] },
      requests: [{ from: "2026-11-27T05:41:00Z", to: "2026-11-27T05:42:00Z", state: "failed", job: ["a"] }],
    },
    {
      name: "of a minute: what ran at its end, and then what ended in it",
      filter: { at: at(41, 0), q: "x" },
      requests: [
        { at: "2026-11-27T05:41:59.999Z", q: "x" },
        { from: "2026-11-27T05:41:00Z", to: "2026-11-27T05:42:00Z", q: "x" },
      ],
    },
    {
      name: "of a second",
      filter: { at: at(41, 7), cause: "manual", owner: "Data" },
      requests: [
        { at: "2026-11-27T05:41:07.999Z", cause: "manual", owner: "Data" },
        { from: "2026-11-27T05:41:07Z", to: "2026-11-27T05:41:08Z", cause: "manual", owner: "Data" },
      ],
    },
  ])("$name", ({ filter, requests }) => expect(requestsOf({ ...NO_FILTER, ...filter })).toEqual(requests));
});

test.each([
  { filter: {}, is: true },
  { filter: { from: 0 }, is: true },
  { filter: { to: NOON }, is: false },
  { filter: { to: NOON + 1 }, is: true },
  { filter: { at: NOON }, is: true },
  { filter: { at: NOON - 60_000 }, is: false },
  { filter: { q: "x" }, is: false },
])("a list follows what happens: $filter", ({ filter, is }) =>
  expect(isOpen({ ...NO_FILTER, ...filter }, NOON)).toBe(is),
);

describe("the first page comes again", () => {
  const of = (ids: string) =>
    [...ids].map((id) => {
      const isOver = id === id.toLowerCase();
      return { id: id.toLowerCase(), finished_at: isOver ? "2026-11-27T12:00:00Z" : null } as unknown as Execution;
    });
  // An upper-case letter is an execution that runs.
  test.each([
    { name: "with a new execution", newest: "xab", isAll: false, known: "abcd", is: "xabcd" },
    { name: "with one that is over now", newest: "ab", isAll: false, known: "Abcd", is: "abcd" },
    { name: "without a running one that is gone", newest: "ab", isAll: false, known: "Rabc", is: "abc" },
    { name: "with running ones only", newest: "QR", isAll: false, known: "RSab", is: "qrsab" },
    { name: "and is all", newest: "Ra", isAll: true, known: "SRa", is: "ra" },
    { name: "with a gap", newest: "xyz", isAll: false, known: "abc", is: undefined },
    { name: "of a search that found nothing so far", newest: "", isAll: false, known: "ab", is: "ab" },
    { name: "and nothing was known", newest: "ab", isAll: false, known: "", is: "ab" },
  ])("$name", ({ newest, isAll, known, is }) =>
    expect(
      withNewest(of(newest), isAll, of(known))
        ?.map(({ id }) => id)
        .join(""),
    ).toBe(is),
  );
});

test.each([
  { shown: 1, total: undefined, isWhole: true, is: "1 execution" },
  { shown: 100, total: undefined, isWhole: false, is: "100 executions, and more" },
  { shown: 100, total: 1204, isWhole: false, is: "1,204 executions" },
  { shown: 12, total: 10, isWhole: true, is: "12 executions" },
])("counted: $is", ({ shown, total, isWhole, is }) => expect(countInWords(shown, total, isWhole)).toBe(is));
