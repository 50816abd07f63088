import { describe, expect, test } from "vitest";
import type { Execution } from "../src/api/client";
import { lastTaken, newestRun } from "../src/model/chainRun";

const NOON = Date.UTC(2026, 10, 30, 12);
const ZERO = "0001-01-01T00:00:00Z";

/** A run that was planned, began and ended at these seconds after noon. */
function run(planned: number, began: number, ended?: number): Execution {
  const at = (second: number) => new Date(NOON + second * 1000).toISOString();
  return {
    ...{ id: `${planned} ${began}`, job_name: "", success: true, node_name: "", attempt: 1 },
    ...{ group: (NOON + planned * 1000) * 1e6 },
    ...{ started_at: at(began), finished_at: ended === undefined ? ZERO : at(ended) },
  };
}

const job = (name: string, ...parents: string[]) => ({
  name,
  parents: parents.map((each) => ({ job: each, when: "success" as const })),
});
const FORK = [job("a"), job("b", "a"), job("c", "a"), job("d", "b", "c")];

describe("the newest run of a chain", () => {
  test.each([
    { name: "nothing has run", jobs: FORK, runs: {}, is: undefined },
    { name: "of one job so far", jobs: FORK, runs: { a: [run(0, 1, 9)] }, is: [1, 9] },
    { name: "runs", jobs: FORK, runs: { a: [run(0, 1, 9)], b: [run(9.25, 10)] }, is: [1, undefined] },
    {
      name: "ends with the longest way, not the latest begin",
      jobs: FORK,
      runs: { a: [run(0, 1, 9)], b: [run(9.25, 10, 50)], c: [run(9.5, 11, 20)] },
      is: [1, 50],
    },
    {
      name: "goes on after the last of two parents",
      jobs: FORK,
      runs: { a: [run(0, 1, 9)], b: [run(9.25, 10, 50)], c: [run(9.5, 11, 20)], d: [run(50.75, 51, 60)] },
      is: [1, 60],
    },
    {
      name: "is not the one before",
      jobs: FORK,
      runs: { a: [run(100, 101, 105), run(0, 1, 9)], b: [run(9.25, 10, 50)] },
      is: [101, 105],
    },
    {
      name: "has all attempts of its jobs",
      jobs: [job("a"), job("b", "a")],
      runs: { a: [run(0, 20, 30), run(0, 1, 9)], b: [run(30.5, 31, 40)] },
      is: [1, 40],
    },
    {
      name: "of a job that ran on request",
      jobs: [job("a"), job("b", "a")],
      runs: { a: [run(0, 1, 9)], b: [run(70, 71, 75)] },
      is: [71, 75],
    },
    {
      name: "of a circle ends",
      jobs: [job("a", "b"), job("b", "a")],
      runs: { a: [run(5.25, 0, 9)], b: [run(9.25, 1, 5)] },
      is: [1, 9],
    },
  ])("$name", ({ jobs, runs, is }) => {
    const found = newestRun(jobs, new Map(Object.entries(runs) as [string, Execution[]][]));
    const second = (at: number | undefined) => at && (at - NOON) / 1000;
    expect(found && [second(found.began), second(found.ended)]).toEqual(is);
  });
});

test("a job took as long as its newest run that has ended", () => {
  expect(lastTaken([run(60, 61), run(0, 1, 9)])).toBe(8000);
  expect(lastTaken([run(60, 61)])).toBeUndefined();
  expect(lastTaken(undefined)).toBeUndefined();
});
