import { describe, expect, test } from "vitest";
import type { Execution } from "../src/api/client";
import { draftOf, objectOf, pairsOf, parsed, sameDefinition } from "../src/text/draft";
import { attemptsOf, lateness, planned, result, summary, taken } from "../src/text/slots";

const NOON = Date.UTC(2026, 10, 27, 12);

function run(changes: Partial<Execution> = {}): Execution {
  return {
    id: "1-nightly",
    job_name: "nightly",
    started_at: "2026-11-27T12:00:00.250Z",
    finished_at: "2026-11-27T12:00:10.250Z",
    success: true,
    node_name: "node-1",
    group: NOON * 1e6,
    attempt: 1,
    ...changes,
  };
}

const ZERO = "0001-01-01T00:00:00Z";

describe("a run", () => {
  test.each([
    { name: "that succeeded", of: {}, is: "success", late: 250, took: 10_000 },
    { name: "that failed", of: { success: false }, is: "failed", late: 250, took: 10_000 },
    { name: "that runs", of: { finished_at: ZERO, success: false }, is: "running", late: 250, took: 59_750 },
    { name: "again", of: { attempt: 2 }, is: "success", late: undefined, took: 10_000 },
    { name: "without a group", of: { group: undefined }, is: "success", late: undefined, took: 10_000 },
  ])("$name", ({ of, is, late, took }) => {
    const one = run(of);
    expect([result(one), lateness(one), taken(one, NOON + 60_000)]).toEqual([is, late, took]);
  });

  test("its slot is that of its group", () => expect(planned(run())).toBe(NOON));

  test("its attempts are those of its group, the first one first", () => {
    const all = [run({ id: "b", attempt: 2 }), run({ id: "c", group: 1 }), run({ id: "a" })];
    expect(attemptsOf(run(), all).map((each) => each.id)).toEqual(["a", "b"]);
  });

  test("a summary counts", () => {
    expect(summary([run(), run({ success: false }), run({ finished_at: ZERO })])).toBe("1 succeeded, 1 failed, 1 runs");
    expect(summary([])).toBe("no runs yet");
  });
});

describe("a draft", () => {
  test("has what a client sets", () => {
    expect(draftOf({ name: "a", success_count: 3, next: "x", retries: 1 })).toEqual({ name: "a", retries: 1 });
  });

  test.each([
    { name: "counters", a: { name: "a", success_count: 1 }, b: { name: "a", success_count: 2 }, same: true },
    { name: "a schedule", a: { name: "a", schedule: "@daily" }, b: { name: "a", schedule: "@hourly" }, same: false },
  ])("another version differs in $name", ({ a, b, same }) => expect(sameDefinition(a, b)).toBe(same));

  test.each([
    { text: '{"name":"a"}', ok: true },
    { text: "[]", ok: false },
    { text: "null", ok: false },
    { text: "{", ok: false },
  ])("the JSON $text", ({ text, ok }) => expect("draft" in parsed(text)).toBe(ok));

  test("pairs are read and written in their order", () => {
    expect(objectOf([...pairsOf({ b: "1", a: null }), ["", ""]])).toEqual({ b: "1", a: "" });
    expect(objectOf([["", "x"]])).toBeNull();
  });
});
