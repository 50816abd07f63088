// @vitest-environment happy-dom
// A person's actions on a run, a schedule and a pause, as far as it is decided without the API.
import { h, render } from "preact";
import { describe, expect, test, vi } from "vitest";
import { api, Begun, type Execution, Refusal } from "../src/api/client";
import { runJob } from "../src/api/jobs";
import { around, isMissing } from "../src/model/around";
import { briefly } from "../src/model/draft";
import { dayThatFailed, lastDays, pauseEnds } from "../src/model/pauses";
import { withSeconds } from "../src/model/presets";
import { stoppingInWords } from "../src/model/stopping";
import { inBoth, jobZone, placeOf } from "../src/model/zones";
import { Layout } from "../src/parts/Layout";
import { Notices } from "../src/parts/Notices";
import { Failure } from "../src/parts/States";
import { Elapsed } from "../src/parts/Time";
import { now } from "../src/state/clock";
import { connection, heard } from "../src/state/live";
import { attempt, notices } from "../src/state/notices";
import { whoami } from "../src/state/session";

// A Friday.
const NOON = Date.UTC(2026, 10, 27, 12);
const HOUR = 3_600_000;

function run(group: number, fields: Partial<Execution> = {}): Execution {
  const at = new Date(NOON + group * 1000).toISOString();
  const [started_at, finished_at] = [at, at];
  return { id: `r${group}`, job_name: "a", started_at, finished_at, success: true, node_name: "", group, ...fields };
}

describe("a run that was requested", () => {
  test("has the id of its execution", async () => {
    const response = new Response("{}", { status: 202, headers: { "X-Execution-Id": "1-a" } });
    const post = vi.spyOn(api, "POST").mockResolvedValue({ data: {}, response } as never);
    expect(await runJob("a")).toEqual(new Begun("a", "1-a"));
    post.mockRestore();
  });

  test.each([
    { name: "of a run", made: new Begun("a b", "1-a"), href: "/jobs/a%20b/executions/1-a" },
    { name: "of a server that gives no id", made: new Begun("a", ""), href: undefined },
    { name: "of anything else", made: undefined, href: undefined },
  ])("the notice $name", async ({ made, href }) => {
    notices.value = [];
    await attempt(async () => made, "done");
    render(h(Notices, {}), document.body);
    expect(document.querySelector("a")?.getAttribute("href")).toBe(href);
  });
});

describe("a run that is stopping", () => {
  test.each([
    { name: "its pod is not told yet", until: undefined, words: "stopping" },
    { name: "its pod has time", until: 27_000, words: "stopping, 27 s of grace left" },
    { name: "its pod is about to go", until: 900, words: "stopping, 0 s of grace left" },
    { name: "its grace is over", until: -5000, words: "stopping, its grace is over" },
  ])("$name", ({ until, words }) => {
    const end = until === undefined ? {} : { until: new Date(NOON + until).toISOString() };
    const stopping = { at: "2026-11-27T12:00:00Z", by: "ann", ...end };
    expect(stoppingInWords(stopping, NOON)).toBe(words);
  });
});

describe("the runs around", () => {
  const failed = { success: false };
  const second = run(2, { id: "r2b", attempt: 2, started_at: new Date(NOON + HOUR).toISOString() });
  const all = [run(5), run(4, failed), run(3, failed), second, run(2, failed), run(1)];
  test.each([
    { of: 4, before: "r3", after: "r5", success: "r2b" },
    { of: 5, before: "r4", after: undefined, success: "r2b" },
    { of: 1, before: undefined, after: "r2b", success: undefined },
  ])("run $of", ({ of, before, after, success }) => {
    const found = around(run(of), all);
    expect([found.before?.id, found.after?.id, found.success?.id]).toEqual([before, after, success]);
  });

  const active = { finished_at: "0001-01-01T00:00:00Z" };
  test.each([
    { name: "all are listed", one: run(4, failed), listed: 6, is: false },
    { name: "it is older than the list", one: run(0), listed: 6, is: true },
    { name: "none before it is listed", one: run(1), listed: 6, is: true },
    { name: "no success before it is listed", one: run(4, failed), listed: 3, is: true },
    { name: "it succeeded", one: run(5), listed: 3, is: false },
    { name: "it runs", one: run(9, active), listed: 6, is: false },
  ])("may be missing: $name", ({ one, listed, is }) => expect(isMissing(one, all.slice(0, listed))).toBe(is));
});

describe("a slot in two zones", () => {
  const madrid = "Europe/Madrid";
  test.each([
    { name: "the same", zone: "UTC", reader: "UTC", job: "12:00:00", own: "" },
    { name: "no zone is UTC", zone: "", reader: madrid, job: "12:00:00", own: "13:00:00" },
    { name: "another hour", zone: madrid, reader: "UTC", job: "13:00:00", own: "12:00:00" },
    {
      name: "another day",
      zone: "Pacific/Auckland",
      reader: "UTC",
      job: "Sat 28 Nov 01:00:00",
      own: "Fri 27 Nov 12:00:00",
    },
    {
      name: "another day of the reader",
      zone: "UTC",
      reader: "Pacific/Auckland",
      job: "Fri 27 Nov 12:00:00",
      own: "Sat 28 Nov 01:00:00",
    },
    { name: "one that the browser does not know", zone: "Mars/X", reader: "UTC", job: "12:00:00", own: "" },
  ])("$name", ({ zone, reader, job, own }) => {
    expect(inBoth(NOON, NOON, zone, reader)).toEqual({ job, reader: own });
  });

  test.each([
    { zone: "America/Argentina/Buenos_Aires", place: "Buenos Aires" },
    { zone: "Asia/Kathmandu", place: "Kathmandu" },
    { zone: "Local", place: "UTC" },
    { zone: "Mars/X", place: "UTC" },
  ])("$zone is $place", ({ zone, place }) => expect(placeOf(jobZone(zone))).toBe(place));
});

describe("a schedule without seconds", () => {
  test.each([
    { schedule: "30 7 * * 1-5", meant: "0 30 7 * * 1-5" },
    { schedule: "0 30 7 * * 1-5", meant: undefined },
    { schedule: "@every 1h and some more", meant: undefined },
  ])("$schedule", ({ schedule, meant }) => expect(withSeconds(schedule)).toBe(meant));
});

test.each([
  { text: "One. Two.", is: ["One. Two.", ""] },
  { text: "As 1.5 h. Two. Three. Four.", is: ["As 1.5 h. Two.", "Three. Four."] },
  { text: "", is: ["", ""] },
])("in brief: $text", ({ text, is }) => expect(briefly(text)).toEqual(is));

describe("the ends that a pause may have", () => {
  const at = (days: number, time: number) => Date.UTC(2026, 10, 27 + days, time);
  test.each([
    { name: "on a Friday", now: NOON + 1, tomorrow: at(1, 8), monday: at(3, 8) },
    { name: "on a Sunday", now: NOON + 48 * HOUR, tomorrow: at(3, 8), monday: undefined },
    { name: "on a Monday", now: NOON + 72 * HOUR, tomorrow: at(4, 8), monday: at(10, 8) },
  ])("$name", ({ now: moment, tomorrow, monday }) => {
    const ends = new Map(pauseEnds(moment, true));
    expect([ends.get("until tomorrow 8:00"), ends.get("until Monday 8:00")]).toEqual([tomorrow, monday]);
    const left = (ends.get("for 1 hour") ?? 0) - moment;
    expect(left >= HOUR && left < HOUR + 60_000 && (ends.get("for 1 hour") ?? 1) % 60_000 === 0).toBe(true);
  });
});

const failedAt = (at: number) => ({ ...run(0), group: at * 1e6, success: false });
test.each([
  { name: "none", runs: [run(1)], day: undefined },
  { name: "today", runs: [run(1), failedAt(NOON)], day: [Date.UTC(2026, 10, 27), NOON] },
  {
    name: "the newest of two",
    runs: [NOON - 24 * HOUR, NOON - 72 * HOUR].map(failedAt),
    day: [Date.UTC(2026, 10, 26), Date.UTC(2026, 10, 27)],
  },
])("the day that failed: $name", ({ runs, day }) => expect(dayThatFailed(runs, NOON + 1, true)).toEqual(day));

test("the days of the last week are offered, each once", () => {
  const days = lastDays(NOON, true);
  expect(days.map(([words]) => words).slice(0, 3)).toEqual(["yesterday", "last Wednesday", "last Tuesday"]);
  expect(days.find(([words]) => words === "last Tuesday")).toEqual([
    "last Tuesday",
    Date.UTC(2026, 10, 24),
    Date.UTC(2026, 10, 25),
  ]);
  expect(new Set(days.map(([, from]) => from)).size).toBe(7);
  expect(days[6]?.[0]).toBe("last Friday");
});

describe("while the connection is lost", () => {
  const old = () => {
    connection.value = "lost";
    heard.value = now.peek() - 60_000;
  };
  const failure = (status: number) => {
    const query = { error: new Refusal(status, "no"), reload: () => {} };
    render(h(Failure, { query }), document.body);
    return document.body.querySelector("[role=alert]") !== null;
  };
  test("a view does not say so once more, and no run gets longer", () => {
    connection.value = "live";
    heard.value = now.peek();
    expect([failure(0), failure(503)]).toEqual([true, true]);
    old();
    expect([failure(0), failure(503)]).toEqual([false, true]);
    render(h(Elapsed, { since: heard.value - 5000 }), document.body);
    expect(document.body.textContent).toBe("5 s");
    connection.value = "connecting";
  });
});

test("what a reader may not do is not tried again, and has no entry among the pages", () => {
  const query = { error: new Refusal(403, "list dkronpauses"), reload: () => {} };
  render(h(Failure, { query }), document.body);
  expect(document.body.textContent).toBe("You may not see this: list dkronpauses.");
  const pages = (...rights: string[]) => {
    whoami.value = { name: "a", how: "dkron", namespace: "default", rights } as never;
    render(h(Layout, { children: "" }), document.body);
    return [...document.querySelectorAll("nav a")].map((link) => link.textContent);
  };
  expect(pages("create dkronjobs/run")).toEqual(["Cluster"]);
  expect(pages("list dkronjobs", "list dkronbackfills")).toEqual([
    ...["Overview", "Jobs", "Runs", "Chains", "Busy", "Backfills", "Cluster"],
  ]);
  whoami.value = undefined;
});
