// @vitest-environment happy-dom
// Runs in line on the page: what a reader sees of them, and the form of a job with a queue.
import { h, render } from "preact";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { api, type Execution, type Job } from "../src/api/client";
import type { Draft } from "../src/model/draft";
import { Runs } from "../src/parts/RunsTable";
import { now } from "../src/state/clock";
import { Busy } from "../src/views/Busy";
import { Execution as View } from "../src/views/Execution";
import { Concurrency } from "../src/views/edit/Concurrency";
import { Job as JobView } from "../src/views/Job";

const ZERO = "0001-01-01T00:00:00Z";
const NOON = Date.parse("2026-03-01T12:00:00Z");
const common = { job_name: "load", success: false, node_name: "", attempt: 1, finished_at: ZERO };
const details = { job: "load-1", slot: "2026-03-01T11:55:00Z", trigger: "schedule" } as const;
const WAITING: Execution = {
  ...{ ...common, id: "1-load-1", started_at: ZERO, group: (NOON - 300_000) * 1e6, details },
  ...{ queued_at: "2026-03-01T11:55:00Z", queued_for: 300, place: 2 },
};
const WAITED: Execution = {
  ...{ ...common, id: "0-load-0", group: (NOON - 3_600_000) * 1e6, success: true, details },
  ...{ queued_at: "2026-03-01T11:00:00Z", started_at: "2026-03-01T11:02:00Z", finished_at: "2026-03-01T11:03:00Z" },
};

/** Answer questions to the API by their paths. */
function answer(answers: Record<string, unknown>): void {
  vi.spyOn(api, "GET").mockImplementation(((path: string) => {
    const data = answers[path];
    const response = new Response("", { status: data === undefined ? 404 : 200, headers: { "X-Total-Count": "1" } });
    return Promise.resolve(data === undefined ? { error: "not found", response } : { data, response });
  }) as never);
}

async function shown(text: string | RegExp): Promise<string> {
  await vi.waitFor(() => expect(words()).toMatch(text));
  return words();
}

const words = () => (document.body.textContent ?? "").replaceAll(/\s+/g, " ");

beforeEach(() => {
  render(null, document.body);
  document.body.replaceChildren();
  now.value = NOON;
});

describe("a run in line", () => {
  test("stands among what is busy, with its place", async () => {
    const newer = { ...WAITING, id: "2-load-2", queued_at: "2026-03-01T11:56:00Z", place: 3 };
    answer({ "/v1/busy": [], "/v1/summary": { running: { executions: [] } }, "/v1/executions": [newer, WAITING] });
    render(h(Busy, {}), document.body);
    const text = await shown(/place 2 in line.*place 3 in line/);
    expect(text).toMatch(/0 executions run, 2 in line/);
    expect(text).toContain("waiting load");
    expect(document.querySelector("td a")?.getAttribute("href")).toBe("/jobs/load/executions/1-load-1");
  });

  test("has no log yet, and says since when it waits", async () => {
    const one = "/v1/jobs/{job_name}/executions";
    answer({ [one]: [WAITING, WAITED], [`${one}/{execution}`]: WAITING, "/v1/jobs/{job_name}": { timezone: "" } });
    render(h(View, { job: "load", id: WAITING.id }), document.body);
    const text = await shown("It waits in line.");
    expect(text).toMatch(/Waits since.*Waits for.*Placeplace 2 in line/);
    expect(text).not.toMatch(/Began|Took|Running for|Ended|Run again/);
  });

  test("says that Kueue has stopped it, and not since when", async () => {
    const one = "/v1/jobs/{job_name}/executions";
    const again = { ...WAITING, queued_for: 120, details: { ...details, local_queue: "reports", evictions: 2 } };
    answer({ [one]: [again], [`${one}/{execution}`]: again, "/v1/jobs/{job_name}": { timezone: "" } });
    render(h(View, { job: "load", id: again.id }), document.body);
    const where = "again in queue reports (evicted 2 times), place 2";
    const text = await shown(`It waits ${where}.`);
    expect(text).toContain(`Place${where}`);
    expect(text).toContain("Waited in line2 min");
    expect(text).not.toMatch(/Waits since|Waits for/);
    const job = { name: "load", schedule: "", timezone: "", parent_job: "" } as Job;
    render(h(Runs, { runs: [again], job, next: [], isPaused: false }), document.body);
    expect(document.querySelector("tbody tr")?.textContent).toMatch(/waits again.*, waited 2 min/);
  });

  test("leaves its wait in the record", async () => {
    const one = "/v1/jobs/{job_name}/executions";
    answer({ [one]: [WAITED], [`${one}/{execution}`]: WAITED, "/v1/jobs/{job_name}": { timezone: "" } });
    render(h(View, { job: "load", id: WAITED.id }), document.body);
    expect(await shown("Waited in line")).toMatch(/Late by< 1 s.*Waited in line2 min.*Took1 min/);
  });

  test("is a row of its job", () => {
    const job = { name: "load", schedule: "", timezone: "", parent_job: "" } as Job;
    render(h(Runs, { runs: [WAITING, WAITED], job, next: [], isPaused: false }), document.body);
    const rows = [...document.querySelectorAll("tbody tr")].map((row) => row.textContent ?? "");
    expect(rows[0]).toMatch(/^waiting.*place 2 in line/);
    expect(rows[1]).toMatch(/^succeeded.*waited 2 min/);
  });

  test("is the reason why its job has not run yet, and has its place for a pool", async () => {
    const job = { name: "load", schedule: "", timezone: "", parent_job: "", status: "", concurrency: "allow" };
    const waits = { ...WAITING, pools: [{ name: "db", place: 3, waiting: 12 }] };
    const details = {
      ...{ conditions: [], chain: [], days: [], parameters: [] },
      manifest: { spec: { pools: ["db"], priority: 5 } },
    };
    answer({
      "/v1/jobs/{job_name}": { ...job, error_count: 0 },
      ...{ "/v1/jobs/{job_name}/executions": [waits], "/v1/jobs/{job_name}/details": details },
      "/v1/jobs/{job_name}/next": { next: [], words: "", clock_changes: [] },
    });
    render(h(JobView, { name: "load" }), document.body);
    const text = await shown(/3rd of 12 for pool db.*Poolsdb, with priority 5/);
    expect(document.querySelector("header .state-icon")?.textContent).toBe("waiting");
    expect(text).not.toContain("never ran");
  });
});

describe("the form of a job", () => {
  test("has the line where a slot waits", () => {
    let draft: Draft = { concurrency: "allow" };
    const show = () => render(h(Concurrency, { draft, set, tell: () => () => {} }), document.body);
    const set = (key: string, value: unknown) => {
      draft = { ...draft, [key]: value };
      show();
    };
    show();
    expect(document.querySelectorAll("input")).toHaveLength(0);
    const select = document.querySelector("select") as HTMLSelectElement;
    select.value = "queue";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    expect(draft).toEqual({ concurrency: "forbid", queue: { max: 10, expires: null, order: "oldest" } });
    const [most, longest] = [...document.querySelectorAll("input")] as [HTMLInputElement, HTMLInputElement];
    most.value = "3";
    most.dispatchEvent(new Event("input", { bubbles: true }));
    longest.value = "1h";
    longest.dispatchEvent(new Event("input", { bubbles: true }));
    expect(draft.queue).toEqual({ max: 3, expires: "1h", order: "oldest" });
    select.value = "forbid";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    expect(draft).toEqual({ concurrency: "forbid", queue: null });
  });
});
