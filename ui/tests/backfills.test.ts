import { describe, expect, test } from "vitest";
import type { Backfill } from "../src/api/backfills";
import type { Pause } from "../src/api/pauses";
import {
  extentOf,
  fieldTime,
  isForAll,
  jobsOf,
  lastName,
  pausedJobs,
  pauseOf,
  progressOf,
  readFieldTime,
  readLabels,
  readNames,
  resumedInWords,
  whoAndWhy,
} from "../src/model/backfills";
import { indented, rulesOf } from "../src/model/policies";

describe("labels", () => {
  test.each([
    { text: "team=data, tier=1", is: { team: "data", tier: "1" } },
    { text: "", is: {} },
    { text: "team=", is: { team: "" } },
    { text: "team", is: undefined },
    { text: "=data", is: undefined },
    { text: "a=b=c", is: undefined },
  ])("$text", ({ text, is }) => expect(readLabels(text)).toEqual(is));
});

test("names are read once each", () => expect(readNames(" a, b\na,")).toEqual(["a", "b"]));

test.each([
  { text: "nigh", is: ["", "nigh"] },
  { text: "a, b", is: ["a, ", "b"] },
  { text: "a, ", is: ["a, ", ""] },
])("the last name of '$text'", ({ text, is }) => expect(lastName(text)).toEqual(is));

describe("how far a backfill is", () => {
  const of = (status: object) => progressOf({ status } as Backfill);
  test.each([
    { name: "not planned", status: { plan: null }, is: "" },
    {
      name: "all went well",
      status: { plan: { count: 4 }, succeeded: 4, failed: 0, active: 0 },
      is: "4 of 4 ended",
    },
    {
      name: "some failed, some run",
      status: { plan: { count: 40 }, succeeded: 2, failed: 1, active: 3 },
      is: "3 of 40 ended, 1 failed, 3 active",
    },
  ])("$name", ({ status, is }) => expect(of(status)).toBe(is));

  test.each([
    { plan: { count: 1, jobs: 1 }, is: "1 slot" },
    { plan: { count: 40, jobs: 3 }, is: "40 slots of 3 jobs" },
  ])("$is", ({ plan, is }) => expect(extentOf(plan)).toBe(is));

  test.each([
    { of: { job: "report", selector: null }, is: "report" },
    { of: { job: null, selector: { team: "data" } }, is: "jobs with team=data" },
    { of: { job: null, selector: {} }, is: "all jobs" },
  ])("$is", ({ of, is }) => expect(jobsOf(of as Backfill)).toBe(is));
});

describe("a pause", () => {
  const pause = (of: object) =>
    ({
      jobs: [],
      selector: {},
      all_namespaces: false,
      state: "holds",
      paused_by: "",
      reason: "",
      ...of,
    }) as unknown as Pause;
  test.each([
    { of: {}, is: "all jobs", all: true, why: "" },
    { of: { all_namespaces: true, reason: "moves" }, is: "all jobs in all namespaces", all: true, why: ": moves" },
    { of: { state: "unseen" }, is: "all jobs", all: true, why: "" },
    { of: { state: "expired", paused_by: "ann" }, is: "all jobs", all: false, why: " by ann" },
    { of: { jobs: ["a", "b"], paused_by: "ann", reason: "x" }, is: "a, b", all: false, why: " by ann: x" },
    { of: { selector: { team: "data" } }, is: "jobs with team=data", all: false, why: "" },
  ])("$of", ({ of, is, all, why }) => {
    const one = pause(of);
    expect([pausedJobs(one), isForAll(one), whoAndWhy(one)]).toEqual([is, all, why]);
    expect(pauseOf("b", [one])).toBe(all || one.jobs.includes("b") ? one : undefined);
  });
});

describe("a field for a time", () => {
  const at = Date.UTC(2026, 2, 1, 12, 30);
  test("is in UTC if times are", () => {
    expect(fieldTime(at, true)).toBe("2026-03-01T12:30");
    expect(readFieldTime("2026-03-01T12:30:05", true)).toBe("2026-03-01T12:30:05Z");
    expect(fieldTime(at + 5000, true)).toBe("2026-03-01T12:30:05");
  });
  test("in the reader's zone gives back the same time", () =>
    expect(readFieldTime(fieldTime(at, false), false)).toBe("2026-03-01T12:30:00Z"));
  test.each(["", "soon"])("%s is no time", (text) => expect(readFieldTime(text, true)).toBe(""));
});

describe("the rules of a policy", () => {
  test("are paths with what they grant", () =>
    expect(rulesOf('{"path":{"/v1/jobs":{"capabilities":["list","read"]},"/v1/leave":{}}}')).toEqual([
      ["/v1/jobs", "list, read"],
      ["/v1/leave", ""],
    ]));
  test("that are no JSON are left as they are", () => {
    expect(rulesOf("{")).toEqual([]);
    expect(indented("{")).toBe("{");
  });
});

test.each([
  { jobs: ["a"], when_resumed: "drop" as const, is: "It runs by schedule again. What came due meanwhile is skipped." },
  { jobs: [], when_resumed: "missedRuns" as const, is: /^They run .*: the rule of each job says which of it runs\.$/ },
])("the end of a pause of $jobs in words", ({ is, ...pause }) => expect(resumedInWords(pause)).toMatch(is));
