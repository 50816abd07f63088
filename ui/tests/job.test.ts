// @vitest-environment happy-dom
import { describe, expect, test } from "vitest";
import type { Execution, Explanation } from "../src/api/client";
import { type Parameter, pausedBy } from "../src/api/details";
import type { ListedJob } from "../src/api/jobs";
import { inTurns, plan } from "../src/model/bulk";
import { calendar, resultsOf } from "../src/model/calendar";
import { durationsOf, inWords, percentile } from "../src/model/percentiles";
import { drawn, wanted } from "../src/model/rows";
import { failedBefore, stateOf } from "../src/model/state";
import { presentOf, runsOf, slotsInWords, slotsOf, spanOf } from "../src/model/timing";
import { yaml } from "../src/model/yaml";
import { forPeople, isWell } from "../src/parts/Conditions";
import { whyNever } from "../src/parts/Due";
import { linesOf } from "../src/parts/DurationsPlot";
import { inRows, lastDay, pastOf, shortened, withoutTold } from "../src/parts/Explain";
import { inWords as keptInWords } from "../src/parts/Keeper";
import { given, ruleOf, valuesAtFirst } from "../src/parts/RunForm";
import { firstRun } from "../src/parts/RunsTable";
import { merge } from "../src/state/rows";

// A Friday.
const NOON = Date.UTC(2026, 10, 27, 12);
const MINUTE = 60_000;
const DAY = 86_400_000;

function run(ago: number, seconds: number, success = true): Execution {
  const began = NOON - ago;
  return {
    id: `${began}`,
    job_name: "a",
    started_at: new Date(began).toISOString(),
    finished_at: new Date(began + seconds * 1000).toISOString(),
    success,
    node_name: "",
    group: began * 1e6,
    attempt: 1,
  };
}

describe("percentiles", () => {
  test.each([
    { values: [], share: 0.5, is: undefined },
    { values: [7], share: 0.99, is: 7 },
    { values: [1, 2, 3, 4], share: 0.5, is: 2 },
    { values: [1, 2, 3, 4], share: 0.9, is: 4 },
    { values: Array.from({ length: 100 }, (_, at) => at + 1), share: 0.99, is: 99 },
  ])("$share of $values.length", ({ values, share, is }) => expect(percentile(values, share)).toBe(is));

  test("what runs now does not count; equal ones are one line, and few are none", () => {
    const active = { ...run(0, 0), finished_at: "0001-01-01T00:00:00Z" };
    const ended = [run(9, 4), run(8, 4), run(7, 20), run(6, 4), run(5, 4)];
    const lengths = durationsOf([active, ...ended]);
    expect(lengths).toEqual({ count: 5, p50: 4000, p90: 20_000, p99: 20_000 });
    expect(lengths && inWords(lengths)).toBe("median 4 s, 90 % within 20 s");
    expect(linesOf(lengths)).toEqual([
      ["p90–p99", 20],
      ["p50", 4],
    ]);
    expect(linesOf({ count: 9, p50: 1000, p90: 1000, p99: 1000 })).toEqual([["p50–p99", 1]]);
    expect(durationsOf([active, ...ended.slice(1)])).toBeUndefined();
  });
});

describe("a calendar", () => {
  const told = { executions: [run(0, 1), run(2 * DAY, 1, false), run(3 * DAY, 1)], kept: 3, next: [], days: [] };
  const on = (weeks: ReturnType<typeof calendar>, date: number) =>
    weeks.flat().find((each) => each.at === Date.UTC(2026, 10, date));

  test("has five weeks from Monday to Sunday, this one last", () => {
    const days = calendar(told, NOON).flat();
    expect(days.length).toBe(35);
    expect(days.map((each) => new Date(each.at).getUTCDay()).slice(0, 7)).toEqual([1, 2, 3, 4, 5, 6, 0]);
    expect(days[34]?.at).toBe(Date.UTC(2026, 10, 29));
  });

  test.each([
    { name: "today", date: 27, with: {}, is: "1 succeeded" },
    { name: "a failure", date: 25, with: {}, is: "1 failed" },
    { name: "none", date: 26, with: {}, is: "no run" },
    { name: "the oldest that is kept", date: 24, with: {}, is: "at least 1 succeeded" },
    { name: "before that", date: 23, with: {}, is: "not kept" },
    { name: "before the first of all", date: 23, with: { kept: 20 }, is: "no run" },
    {
      name: "of which all is counted",
      date: 24,
      with: { days: [{ date: "2026-11-24", success_count: 900, failed_count: 2 }] },
      is: "900 succeeded, 2 failed",
    },
    { name: "to come", date: 28, with: { next: ["2026-11-28T02:30:00Z"] }, is: "1 planned" },
  ])("a day: $name", ({ date, with: more, is }) => {
    const found = on(calendar({ ...told, ...more }, NOON), date);
    expect(found && resultsOf(found)).toBe(is);
  });
});

describe("planned beside actual", () => {
  test("what is to come takes a third at most", () => {
    const span = spanOf([run(90 * MINUTE, 1)], [new Date(NOON + DAY).toISOString()], NOON);
    expect((span?.to ?? 0) - NOON).toBeLessThan(50 * MINUTE);
    expect(span?.from).toBeLessThan(NOON - 90 * MINUTE);
    expect(spanOf([], [], NOON)).toBeUndefined();
  });

  test("a run that began after the page's second is not right of now", () => {
    const active = { ...run(-400, 0), finished_at: "0001-01-01T00:00:00Z" };
    expect(presentOf([active, run(MINUTE, 5)], NOON)).toBe(NOON + 400);
    expect(presentOf([run(MINUTE, 5)], NOON)).toBe(NOON);
  });

  test("runs that overlap are beside each other", () => {
    const runs = runsOf([run(MINUTE, 10), run(2 * MINUTE, 90), run(3 * MINUTE, 10), run(4 * MINUTE, 70)], NOON);
    expect(runs.map((each) => each.lane)).toEqual([0, 1, 0, 1]);
  });

  test("slots that ran, did not, and are to come", () => {
    const slot = (minutes: number, what: string) => ({
      slot: new Date(NOON + minutes * MINUTE).toISOString(),
      what,
      why: "",
    });
    const explained = { slots: [slot(-2, "ran"), slot(-1, "skipped"), slot(1, "to come")] } as unknown as Explanation;
    const slots = slotsOf(explained, [slot(1, "").slot, slot(99, "").slot], NOON + 5 * MINUTE);
    expect(slots.map((each) => each.what)).toEqual(["ran", "skipped", "to come"]);
    expect(slotsInWords(slots)).toBe("1 of 2 slots ran");
    expect(slotsInWords(slots.slice(2))).toBe("");
  });
});

describe("an action for many", () => {
  const job = (name: string, changes: Partial<ListedJob> = {}) =>
    ({ name, disabled: false, parent_job: "", ...changes }) as ListedJob;
  const kept = { tool: "Argo CD", name: "", fields: { disabled: "argocd-controller" } };

  test.each([
    { action: "disable", of: job("a"), does: true, words: "does not run any more" },
    { action: "disable", of: job("a", { disabled: true }), does: false, words: "is disabled already" },
    { action: "enable", of: job("a", { disabled: true }), does: true, words: "runs by its schedule" },
    { action: "disable", of: job("a", { kept_by: kept }), does: false, words: "Argo CD keeps this; change it there" },
    { action: "run", of: job("a", { disabled: true }), does: false, words: "is disabled and does not run" },
    { action: "run", of: job("a", { disabled: true, parent_job: "b" }), does: true, words: "runs now" },
    { action: "delete", of: job("a", { kept_by: kept }), does: true, words: "Argo CD may create it again" },
  ] as const)("$action: $words", ({ action, of, does, words }) => {
    const [step] = plan(action, [of]);
    expect(step?.does).toBe(does);
    expect(step?.words).toContain(words);
  });

  test("what it does comes first", () => {
    expect(plan("disable", [job("a", { disabled: true }), job("b")]).map((each) => each.job.name)).toEqual(["b", "a"]);
  });

  test("each is done once, a few at a time, until it is stopped; what fails is told", async () => {
    const control = new AbortController();
    const done: number[] = [];
    const failed: number[] = [];
    let active = 0;
    let most = 0;
    const each = async (item: number) => {
      most = Math.max(most, ++active);
      await Promise.resolve();
      active -= 1;
      if (item === 3) throw new Error("no");
      done.push(item);
      if (item === 6) control.abort();
    };
    await inTurns([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], each, (item) => failed.push(item), control.signal, 2);
    expect(most).toBe(2);
    expect(failed).toEqual([3]);
    expect(done.slice(0, 5)).toEqual([1, 2, 4, 5, 6]);
    expect(done.length).toBeLessThan(9);
  });
});

describe("rows", () => {
  test.each([
    { top: 0, total: 10_000, draw: { start: 0, end: 19 }, ask: { start: 0, end: 50 } },
    { top: 4600, total: 10_000, draw: { start: 92, end: 119 }, ask: { start: 50, end: 150 } },
    { top: 460_000, total: 10_000, draw: { start: 9992, end: 10_000 }, ask: { start: 9950, end: 10_000 } },
    { top: 0, total: 3, draw: { start: 0, end: 3 }, ask: { start: 0, end: 50 } },
    { top: 9000, total: 0, draw: { start: 0, end: 0 }, ask: { start: 0, end: 50 } },
  ])("at $top of $total", ({ top, total, draw, ask }) => {
    expect(drawn(top, 460, 46, total)).toEqual(draw);
    expect(wanted(draw)).toEqual(ask);
  });

  test("what is far away, or after the end, is forgotten", () => {
    const rows = new Map<number, ListedJob>();
    const items = Array.from({ length: 50 }, (_, at) => ({ name: `j${at}` }) as ListedJob);
    for (let start = 0; start < 10_000; start += 50) merge(rows, { start, items, total: 10_000 });
    expect(rows.size).toBeLessThanOrEqual(400);
    merge(rows, { start: 9950, items: items.slice(0, 10), total: 9960 });
    expect([...rows.keys()].every((row) => row < 9960)).toBe(true);
  });
});

describe("a run with values", () => {
  const parameter = (changes: Partial<Parameter>): Parameter => ({
    name: "day",
    type: "string",
    description: "",
    required: false,
    default: null,
    pattern: "",
    max_length: null,
    minimum: "",
    maximum: "",
    values: [],
    secret: false,
    ...changes,
  });

  test.each([
    { name: "a default stays", of: { default: "x" }, value: "x", sent: {} },
    { name: "another value", of: { default: "x" }, value: "y", sent: { day: "y" } },
    { name: "nothing", of: {}, value: "", sent: {} },
    { name: "nothing, though it is required", of: { required: true }, value: "", sent: { day: "" } },
    {
      name: "the default of one that is required",
      of: { required: true, default: "x" },
      value: "x",
      sent: { day: "x" },
    },
  ])("$name", ({ of, value, sent }) => expect(given([parameter(of)], { day: value })).toEqual(sent));

  test("a form begins with the defaults", () => {
    expect(valuesAtFirst([parameter({ default: "x" }), parameter({ name: "b" })])).toEqual({ day: "x", b: "" });
  });

  test.each([
    { of: { type: "integer" as const, minimum: "1", maximum: "9" }, is: "a whole number, at least 1, at most 9" },
    { of: { pattern: "[a-z]+", max_length: 5 }, is: "matches [a-z]+, at most 5 characters" },
    { of: { secret: true }, is: "secretRef:<secret>/<key>" },
    { of: {}, is: "" },
  ])("its rule: $is", ({ of, is }) => expect(ruleOf(parameter(of))).toBe(is));
});

test.each([
  { type: "Ready", status: "True", well: true },
  { type: "Ready", status: "False", well: false },
  { type: "Degraded", status: "False", well: true },
  { type: "Suspended", status: "True", well: false },
])("$type is $status", ({ type, status, well }) => expect(isWell({ type, status })).toBe(well));

describe("how a job stands", () => {
  const job = { disabled: false, status: "failed" as const };
  test.each([
    { of: {}, running: true, is: "running" },
    { of: {}, running: false, is: "failed" },
    { of: { status: "" as const }, running: false, is: "untriggered" },
    { of: { status: "" as const, waiting: true }, running: false, is: "waiting" },
    { of: { waiting: true }, running: false, is: "failed" },
    { of: { problem: "the job cannot run: no image" }, running: false, is: "invalid" },
    { of: { paused: "paused by ann" }, running: false, is: "paused" },
    { of: { stopped: true }, running: false, is: "stopped" },
    { of: { stopped: true, status: "success" as const }, running: false, is: "success" },
    { of: { paused: "paused by ann", disabled: true }, running: false, is: "disabled" },
  ])("$is", ({ of, running, is }) => expect(stateOf({ ...job, ...of }, running)).toBe(is));

  test.each([
    { of: { paused: "by ann" }, running: false, is: "failed" },
    { of: { paused: "by ann", stopped: true }, running: false, is: undefined },
    { of: { paused: "by ann", status: "success" as const }, running: false, is: undefined },
    { of: { paused: "by ann" }, running: true, is: undefined },
    { of: {}, running: false, is: undefined },
  ])("beside $of it says $is", ({ of, running, is }) => {
    expect(failedBefore({ ...job, ...of }, running)).toBe(is);
  });

  test("what the view says at its top is not said again", () => {
    const told = ["paused by ann: a move (DkronPause a/moves)", ""];
    expect(shortened(`the job is ${told[0]}; it is dropped`, told)).toBe("it is dropped");
    expect(shortened("the job is not ready: no image", ["", "no image"])).toBe("the job is not ready");
    expect(withoutTold([`it is ${told[0]}`, "2 slots were skipped"], told)).toEqual(["2 slots were skipped"]);
  });
});

test("conditions that ask for attention come first, each once", () => {
  const conditions = ["Suspended False", "Ready False", "Stalled True"].map((text) => {
    const [type = "", status = ""] = text.split(" ");
    return { type, status };
  });
  expect(forPeople(conditions).map(({ type }) => type)).toEqual(["Ready", "Suspended"]);
});

describe("a job that does not run by itself", () => {
  const paused = "paused by ann: a move (DkronPause a/moves)";
  test.each([
    { status: "True", reason: "Paused", is: paused },
    { status: "True", reason: "Disabled", is: "" },
    { status: "False", reason: "Paused", is: "" },
  ])("its condition: $status, $reason", ({ status, reason, is }) => {
    const since = "2026-11-27T12:00:00Z";
    expect(pausedBy({ conditions: [{ type: "Suspended", status, reason, message: paused, since }] })).toBe(is);
  });

  test.each([
    { of: {}, isPaused: true, never: "not while the job is paused", first: "It is paused." },
    { of: { parent_job: "b" }, isPaused: true, never: "not while the job is paused", first: "It is paused." },
    { of: { disabled: true }, isPaused: true, never: "never: the job is disabled", first: "It is disabled." },
    {
      of: { problem: "the job cannot run: no" },
      isPaused: false,
      never: "not before this is fixed",
      first: "It cannot, as the note above says.",
    },
    { of: {}, isPaused: false, never: "only on request", first: "It runs only on request." },
  ])("$never", ({ of, isPaused, never, first }) => {
    const job = { disabled: false, parent_job: "", next: "0001-01-01T00:00:00Z", ...of };
    expect([whyNever(job, isPaused), firstRun(job, isPaused)]).toEqual([never, first]);
  });
});

test("slots of the coming hour never count for the last day", () => {
  const slot = (minutes: number, what: Explanation["slots"][number]["what"]) => ({
    slot: new Date(NOON + minutes * MINUTE).toISOString(),
    what,
  });
  const slots = [slot(-3, "ran"), slot(-2, "ran"), slot(-1, "paused"), slot(1, "paused"), slot(2, "to come")];
  expect(lastDay(pastOf(slots, NOON))).toBe("2 of 3 slots of the last day ran. The others:");
  expect(lastDay(pastOf(slots.slice(3), NOON))).toBe("No slot within the last day.");
});

test("what keeps a job, in words", () => {
  const fields = { schedule: "helm", disabled: "helm" };
  expect(keptInWords({ tool: "Helm", name: "cron", fields })).toBe(
    "Helm (cron) keeps schedule, disabled: change it there",
  );
});

test("a manifest quotes what YAML would read otherwise, and has lists", () => {
  const text = yaml({
    kind: "DkronJob",
    metadata: { name: "nightly", labels: {} },
    spec: { retries: 2, dependsOn: [{ job: "a", when: "always" }, "x"], metadata: { on: "yes", "a b": "1" }, env: [] },
    text: "echo a: b\n",
  });
  expect(text).toBe(`kind: DkronJob
metadata:
  name: nightly
  labels: {}
spec:
  retries: 2
  dependsOn:
    - job: a
      when: always
    - x
  metadata:
    "on": "yes"
    "a b": "1"
  env: []
text: "echo a: b\\n"
`);
});

test("slots with the same explanation that follow each other are one row", () => {
  const slot = (slot: string, why: string) => ({ slot, what: "none" as const, why, setting: "" });
  const slots = [slot("3", "disabled"), slot("2", "disabled"), slot("1", "paused"), slot("0", "disabled")];
  expect(inRows(slots).map((row) => row.map((each) => each.slot))).toEqual([["3", "2"], ["1"], ["0"]]);
});
