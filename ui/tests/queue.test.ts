import { describe, expect, test } from "vitest";
import type { Execution } from "../src/api/client";
import { readYaml } from "../src/model/definition";
import { choiceOf, chosen, placeInWords, poolsInWords, queueInWords, waited } from "../src/model/queue";
import { isOver, lateness, result, sinceOf, summary, taken } from "../src/model/slots";
import { runsOf } from "../src/model/timing";

const ZERO = "0001-01-01T00:00:00Z";
const NOON = Date.parse("2026-03-01T12:00:00Z");
const QUEUE = { max: 3, expires: "1h", order: "newest" };

function execution(fields: Partial<Execution>): Execution {
  const times = { started_at: "2026-03-01T11:59:00Z", finished_at: ZERO };
  return {
    id: "1-a",
    job_name: "a",
    success: false,
    node_name: "",
    attempt: 1,
    group: (NOON - 300_000) * 1e6,
    ...times,
    ...fields,
  };
}

const WAITING = execution({ started_at: ZERO, queued_at: "2026-03-01T11:55:01Z", queued_for: 299, place: 2 });
const RUNNING = execution({ queued_at: "2026-03-01T11:55:01Z", queued_for: 239 });
const ENDED = execution({ ...RUNNING, finished_at: "2026-03-01T11:59:30Z", success: true });

describe("a run that waits in line", () => {
  test("neither runs nor is over", () => {
    expect([WAITING, RUNNING, ENDED].map(result)).toEqual(["waiting", "running", "success"]);
    expect([WAITING, RUNNING, ENDED].map(isOver)).toEqual([false, false, true]);
    expect(result(execution({ started_at: ZERO }))).toBe("running");
    expect(summary([WAITING, RUNNING, ENDED])).toBe("1 succeeded, 1 running, 1 waiting");
  });

  test("has a place, and takes no time", () => {
    expect(placeInWords(WAITING)).toBe("place 2 in line");
    const details = { job: "a", slot: "2026-03-01T11:55:01Z", trigger: "schedule" as const, local_queue: "reports" };
    expect(placeInWords({ details })).toBe("in queue reports");
    expect(placeInWords({ details, place: 2 })).toBe("in queue reports, place 2");
    expect(placeInWords(RUNNING)).toBe("");
    expect(taken(WAITING, NOON)).toBe(0);
    expect([sinceOf(WAITING), sinceOf(RUNNING)]).toEqual([WAITING.queued_at, RUNNING.started_at]);
    expect(runsOf([WAITING, RUNNING], NOON).map((each) => each.result)).toEqual(["running"]);
  });

  test("tells no time once Kueue has stopped it, but how long it waited before", () => {
    const details = { job: "a", slot: "2026-03-01T11:55:01Z", trigger: "schedule" as const, local_queue: "reports" };
    const again = { ...WAITING, queued_for: 60, details: { ...details, evictions: 1 } };
    expect(placeInWords(again)).toBe("again in queue reports (evicted once), place 2");
    expect(placeInWords({ details: { ...details, evictions: 3 } })).toBe("again in queue reports (evicted 3 times)");
    expect([result(again), sinceOf(again), waited(again)]).toEqual(["waiting", "", 60_000]);
    expect([sinceOf({ ...WAITING, details }), waited({ ...WAITING, details })]).toEqual([WAITING.queued_at, undefined]);
  });

  test.each([
    { place: 1, pools: [{ name: "db", place: 3, waiting: 12 }], words: "3rd of 12 for pool db" },
    { pools: [{ name: "db", place: 10, waiting: 10 }], words: "10th of 10 for pool db" },
    {
      place: 2,
      pools: [{ name: "db", waiting: 12 }],
      words: "place 2 in line, not among the first ten of 12 for pool db",
    },
    {
      place: 1,
      pools: [
        { name: "db", place: 1, waiting: 12 },
        { name: "lock", waiting: 40 },
      ],
      words: "1st of 12 for pool db, not among the first ten of 40 for pool lock",
    },
  ])("is $words", ({ words, ...of }) => {
    expect(placeInWords({ ...WAITING, place: undefined, ...of })).toBe(words);
  });

  test("is not late for its wait", () => {
    expect([WAITING, RUNNING, ENDED].map(lateness)).toEqual([1000, 1000, 1000]);
    expect([WAITING, RUNNING, ENDED, execution({})].map(waited)).toEqual([undefined, 239_000, 239_000, undefined]);
  });
});

test.each([
  { manifest: { spec: { pools: ["db", "lock"], priority: -3 } }, words: "db, lock, with priority -3" },
  { manifest: { spec: { pools: ["db"] } }, words: "db" },
  { manifest: { spec: { priority: 3 } }, words: "" },
  { manifest: undefined, words: "" },
])("the pools of $manifest", ({ manifest, words }) => expect(poolsInWords(manifest)).toBe(words));

describe("the queue of a job", () => {
  test.each([
    { draft: { concurrency: "forbid", queue: QUEUE }, choice: "queue" },
    { draft: { concurrency: "forbid", queue: null }, choice: "forbid" },
    { draft: { concurrency: "forbid" }, choice: "forbid" },
    { draft: { concurrency: "allow", queue: QUEUE }, choice: "allow" },
    { draft: {}, choice: "allow" },
  ])("is the choice $choice of $draft", ({ draft, choice }) => {
    expect(choiceOf(draft)).toBe(choice);
  });

  test("is chosen by a field beside forbid, and taken out by null", () => {
    expect(chosen("queue", {})).toEqual({ concurrency: "forbid", queue: { max: 10, expires: null, order: "oldest" } });
    expect(chosen("queue", { queue: QUEUE })).toEqual({ concurrency: "forbid", queue: QUEUE });
    expect(chosen("replace", { queue: QUEUE })).toEqual({ concurrency: "replace", queue: null });
  });

  test.each([
    { queue: QUEUE, words: "a slot waits in line: 3 at most, for 1h at most, the newest first" },
    { queue: {}, words: "a slot waits in line: 10 at most, the oldest first" },
  ])("is told as $words", ({ queue, words }) => {
    expect(queueInWords(queue)).toBe(words);
  });

  test.each([
    { spec: "{concurrency: queue, queue: {max: 3}}", draft: { concurrency: "forbid", queue: { max: 3 } } },
    { spec: "{concurrency: queue}", draft: chosen("queue", {}) },
    { spec: "{concurrency: forbid, queue: {max: 3}}", draft: { concurrency: "forbid", queue: null } },
    { spec: "{concurrency: forbid}", draft: { concurrency: "forbid" } },
  ])("is read from a manifest with $spec", ({ spec, draft }) => {
    const text = `kind: DkronJob\nmetadata: {name: a}\nspec: ${spec}`;
    expect(readYaml(text)).toEqual({ draft: { name: "a", ...draft } });
  });
});
