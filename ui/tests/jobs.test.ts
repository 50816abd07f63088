import { describe, expect, test } from "vitest";
import type { Execution, Summary } from "../src/api/client";
import { commandOf, latenessInWords, progressInWords, tookInWords } from "../src/model/attention";
import { draftOf, objectOf, pairsOf, parsed } from "../src/model/draft";
import {
  attemptsOf,
  lateness,
  neverBegan,
  planned,
  queued,
  result,
  standsFor,
  summary,
  taken,
  traceLink,
  wasStopped,
  whyFailed,
} from "../src/model/slots";
import { offsetsDiffer, yearTime, zoneInWords } from "../src/model/time";
import { asSentence, inFormWords } from "../src/model/words";

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

  test.each([
    { name: "from the creation of its Kubernetes Job", created_at: "2026-11-27T11:59:58Z", is: 2250 },
    { name: "not before it began", created_at: "2026-11-27T12:00:01Z", is: 0 },
    { name: "for a time that is not known", created_at: undefined, is: undefined },
  ])("it was queued $name", ({ created_at, is }) => {
    expect(queued(run({ details: { job: "a", slot: "2026-11-27T12:00:00Z", trigger: "schedule", created_at } }))).toBe(
      is,
    );
  });

  test("its slot is its group's", () => expect(planned(run())).toBe(NOON));

  test.each([
    { name: "another time", slot: "2026-11-26T02:30:00Z", stands: Date.UTC(2026, 10, 26, 2, 30) },
    { name: "the time of the request", slot: "2026-11-27T12:00:00Z", stands: undefined },
  ])("it stands for $name", ({ slot, stands }) => {
    expect(standsFor(run({ details: { job: "a", slot, trigger: "manual", member: "" } }))).toBe(stands);
  });

  test("its attempts are its group's, the first one first", () => {
    const all = [run({ id: "b", attempt: 2 }), run({ id: "c", group: 1 }), run({ id: "a" })];
    expect(attemptsOf(run(), all).map((each) => each.id)).toEqual(["a", "b"]);
  });

  test("its members come one after the other", () => {
    const of = (id: string, member: string, attempt: number) =>
      run({ id, attempt, details: { job: id, slot: "2026-11-27T12:00:00Z", trigger: "schedule", member } });
    const all = [of("d", "10", 1), of("c", "2", 2), of("b", "2", 1), of("a", "1", 1)];
    expect(attemptsOf(run(), all).map((each) => each.id)).toEqual(["a", "b", "c", "d"]);
  });

  test.each([
    { trace_url: "https://jaeger/trace/1", link: "https://jaeger/trace/1" },
    { trace_url: "javascript:alert(1)", link: undefined },
    { trace_url: undefined, link: undefined },
  ])("its trace is at $link", ({ trace_url, link }) => {
    expect(traceLink(run({ details: { job: "", slot: "", trigger: "schedule", trace_url } }))).toBe(link);
  });

  test.each([
    { success: true, told: { exit_code: 0 }, why: "" },
    { success: false, told: { exit_code: 1, reason: "Error" }, why: "Error, exit code 1" },
    { success: false, told: { exit_code: 1 }, why: "exit code 1" },
    { success: false, told: { reason: "JobLost" }, why: "JobLost" },
    { success: false, told: { exit_code: 127 }, why: "exit code 127 (command not found)" },
    { success: false, told: {}, why: "" },
    {
      success: false,
      told: { exit_code: 137, reason: "Stopped", message: "asked for at 2026-11-27T12:00:00Z by ann b" },
      why: "stopped by ann b at 2026-11-27T12:00:00Z",
    },
    { success: false, told: { exit_code: 137, reason: "Stopped", message: "asked for" }, why: "stopped" },
  ])("it failed by: $why", ({ success, told, why }) => {
    expect(whyFailed(run({ success, details: { job: "", slot: "", trigger: "schedule", ...told } }))).toBe(why);
  });

  test.each([
    { of: {}, told: {}, never: true, why: "stopped by ann before it began" },
    { of: { attempt: 2 }, told: {}, never: true, why: "stopped by ann before the attempt began" },
    { of: { finished_at: "2026-11-27T12:00:00.260Z" }, told: {}, never: false, why: "stopped by ann" },
    { of: {}, told: { exit_code: 0 }, never: false, why: "stopped by ann" },
    { of: {}, told: { reason: "JobLost", message: "" }, never: false, why: "JobLost" },
  ])("it was $why", ({ of, told, never, why }) => {
    const details = { job: "", slot: "", trigger: "schedule" as const, reason: "Stopped", message: "asked for by ann" };
    const times = { finished_at: "2026-11-27T12:00:00.250Z", success: false };
    const one = run({ ...times, ...of, details: { ...details, ...told } });
    expect([neverBegan(one), whyFailed(one)]).toEqual([never, why]);
  });

  test("a run was stopped if a user ended the last attempt of each member that failed", () => {
    const told = { job: "", slot: "", trigger: "schedule" as const };
    const failed = run({ success: false, details: { ...told, reason: "Error", member: "b" } });
    const stopped = run({ success: false, attempt: 2, details: { ...told, reason: "Stopped", member: "b" } });
    const older = { ...failed, group: 1 };
    expect(wasStopped([stopped, failed, run(), older])).toBe(true);
    expect(wasStopped([failed, older])).toBe(false);
    expect(wasStopped([older, stopped])).toBe(false);
    expect(wasStopped([])).toBe(false);
  });

  test("a summary counts", () => {
    expect(summary([run(), run({ success: false }), run({ finished_at: ZERO })])).toBe(
      "1 succeeded, 1 failed, 1 running",
    );
    expect(summary([])).toBe("no runs yet");
  });
});

describe("an overview", () => {
  test.each([
    { late: { runs: 0 }, is: "" },
    {
      late: { runs: 9, p50: 0, p99: 0.2, max: 0.4 },
      is: "Half of the runs by schedule began within a second of their slot.",
    },
    {
      late: { runs: 9, p50: 1, p99: 7, max: 8 },
      is: "Half of the runs by schedule began within 1 s of their slot, 99 % within 7 s. The latest was hello: 8 s late.",
    },
    {
      late: { runs: 9, p50: 1, p99: 9, max: 9 },
      is: "Half of the runs by schedule began within 1 s of their slot, 99 % within 9 s; the latest 9 s after it.",
    },
  ])("says how late runs began: $is", ({ late, is }) => {
    const slots = [{ job: "a" }, { job: "hello", late_seconds: 8 }];
    const found = latenessInWords({ lateness_seconds: late, last_hour: { slots } } as unknown as Summary);
    expect(found.words + found.job + found.after).toBe(is);
  });

  test.each([
    { remedy: "dkronctl logs nightly --failed", is: "dkronctl logs nightly --failed" },
    { remedy: "dkronctl describe nightly says what to fix", is: "dkronctl describe nightly" },
    { remedy: "dkronctl stop nightly; a timeout would end it", is: "dkronctl stop nightly" },
    { remedy: "is the operator running?", is: "" },
  ])("copies the command of: $remedy", ({ remedy, is }) => expect(commandOf(remedy)).toBe(is));

  test.each([
    { usual: undefined, is: "24 min" },
    { usual: 0, is: "24 min" },
    { usual: 4440, is: "24 min of usually 1 h 14 min" },
    { usual: 961, is: "24 min of usually 16 min 1 s" },
    { usual: 626, is: "24 min, 2.3 × usual" },
    { usual: 60, is: "24 min, 24 × usual" },
  ])("says how far a run is: $is", ({ usual, is }) => expect(progressInWords(1440, usual)).toBe(is));

  test.each([
    { usual: undefined, is: "24 min" },
    { usual: 1440, is: "24 min" },
    { usual: 960, is: "24 min, 1.5 × usual" },
  ])("says how long a run took: $is", ({ usual, is }) => expect(tookInWords(1440, usual)).toBe(is));
});

describe("a draft", () => {
  test("has what a client sets", () => {
    expect(draftOf({ name: "a", success_count: 3, next: "x", retries: 1 })).toEqual({ name: "a", retries: 1 });
  });

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

test.each([
  {
    text: "the backfill has 1001 slots, more than spec.maxRuns (1000); take a shorter range",
    is: "The backfill has 1001 slots, more than the limit (1000); take a shorter range.",
  },
  { text: "hello is asked to run.", is: "hello is asked to run." },
  { text: "", is: "" },
])("for people: $text", ({ text, is }) => expect(asSentence(inFormWords(text))).toBe(is));

test("a period has its year, and two zones are two where their clocks differ", () => {
  const at = Date.UTC(2026, 10, 24, 6, 30);
  expect(yearTime(at, "UTC")).toBe("Tue 24 Nov 2026 06:30:00");
  expect(offsetsDiffer(at, "UTC", "Europe/Madrid")).toBe(true);
  expect(offsetsDiffer(at, "UTC", "Africa/Abidjan")).toBe(false);
  expect([zoneInWords("local"), zoneInWords("job", "Europe/Madrid"), zoneInWords("utc")]).toEqual([
    "your local time",
    "Europe/Madrid",
    "UTC",
  ]);
});
