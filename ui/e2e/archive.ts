// Answers for a page as an API with an archive gives them: executions of long ago, found by the filters of a list.
import type { Page, Route } from "@playwright/test";

export interface Archived {
  job: string;
  began: Date;
  /** Undefined while it runs. */
  seconds?: number;
  success?: boolean;
  trigger?: string;
  output?: string;
}

const ZERO = "0001-01-01T00:00:00Z";

interface Shown {
  id: string;
  job_name: string;
  started_at: string;
  finished_at: string;
  success: boolean;
  output: string;
  details: { trigger: string };
}

function shown({ job, began, seconds, success = true, trigger = "schedule", output = "done\n" }: Archived): Shown {
  const ended = seconds === undefined ? ZERO : new Date(began.getTime() + seconds * 1000).toISOString();
  const group = Math.floor(began.getTime() / 1000) * 1e9;
  const attempt_job = `${job}-${began.getTime()}`;
  return {
    ...{ id: `${group}-${attempt_job}`, job_name: job, started_at: began.toISOString(), finished_at: ended },
    ...{ success: seconds !== undefined && success, output: seconds === undefined ? "" : output, node_name: "node-1" },
    ...{ group, attempt: 1, details: { job: attempt_job, slot: began.toISOString(), trigger } },
  } as Shown;
}

function isRunning({ finished_at }: Shown): boolean {
  return finished_at === ZERO;
}

function matches(run: Shown, query: URLSearchParams): boolean {
  const at = (key: string, otherwise: number) => (query.has(key) ? Date.parse(query.get(key) ?? "") : otherwise);
  const end = isRunning(run) ? Date.now() : Date.parse(run.finished_at);
  const state = isRunning(run) ? "running" : run.success ? "success" : "failed";
  const moment = at("at", Number.NaN);
  return (
    end >= at("from", Number.NEGATIVE_INFINITY) &&
    end < at("to", Number.POSITIVE_INFINITY) &&
    (Number.isNaN(moment) || (Date.parse(run.started_at) <= moment && moment < end)) &&
    (query.get("state") ?? state) === state &&
    (query.get("cause") ?? run.details.trigger) === run.details.trigger &&
    (!query.has("job") || query.getAll("job").includes(run.job_name)) &&
    run.output.includes(query.get("q") ?? "")
  );
}

/** Answer requests for executions of all jobs, and for counts of them, from these. */
export async function withArchive(page: Page, archived: readonly Archived[]): Promise<void> {
  const order = (run: Shown) => (isRunning(run) ? Number.POSITIVE_INFINITY : Date.parse(run.finished_at));
  const all = archived.map(shown).sort((a, b) => order(b) - order(a));
  await page.route("**/v1/executions?*", (route) => {
    const query = new URL(route.request().url()).searchParams;
    const limit = Number(query.get("limit") ?? 100);
    const found = all.filter((run) => matches(run, query));
    const start = Number(query.get("after") ?? 0);
    const next = start + limit < found.length ? { "X-Next-After": String(start + limit) } : {};
    return answer(route, found.slice(start, start + limit), { "X-Total-Count": String(found.length), ...next });
  });
  await page.route("**/v1/skipped?*", (route) => {
    const query = new URL(route.request().url()).searchParams;
    const at = Date.parse(query.get("from") ?? "");
    const last = new Date(at + 1000).toISOString();
    const skipped = {
      job_name: "poll-11",
      first: last,
      last,
      count: 1,
      reason: "Forbidden",
      message: "a run was active",
    };
    return answer(route, Date.now() - at > 86_400_000 ? [] : [skipped]);
  });
  await page.route("**/v1/timeline?*", (route) => {
    const query = new URL(route.request().url()).searchParams;
    const step = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }[query.get("step") ?? ""] ?? 60_000;
    const counts = new Map<number, { success: number; failed: number }>();
    for (const run of all.filter((each) => !isRunning(each) && matches(each, query))) {
      const begin = Math.floor(Date.parse(run.finished_at) / step) * step;
      const count = counts.get(begin) ?? { success: 0, failed: 0 };
      count[run.success ? "success" : "failed"] += 1;
      counts.set(begin, count);
    }
    const steps = [...counts].sort(([a], [b]) => a - b);
    return answer(
      route,
      steps.map(([begin, count]) => ({ begin: new Date(begin).toISOString(), ...count, skipped: 0 })),
    );
  });
}

function answer(route: Route, json: object, headers: Record<string, string> = {}): Promise<void> {
  return route.fulfill({ json, headers });
}
