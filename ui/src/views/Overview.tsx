// What needs a person first, what runs, what ran in the last hour and what comes in the next.

import { Link } from "wouter-preact";
import { api, ask, type Execution, type Job } from "../api/client";
import { busy, countJobs, dueFirst, listJobs } from "../api/jobs";
import { Days } from "../parts/Days";
import { executionPath, jobPath } from "../parts/links";
import { Mark, type State } from "../parts/Mark";
import { Panel } from "../parts/Panel";
import { Empty, Failure, Loading } from "../parts/States";
import { type Cell, Tape } from "../parts/Tape";
import { Countdown, Elapsed, When } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { now } from "../state/clock";
import { leader } from "../state/live";
import { useQuery } from "../state/query";
import { recent } from "../state/recent";
import { planned, result } from "../text/slots";
import { instant } from "../text/time";

const ATTENTION = 12;
const LISTED = 8;
const DUE = 200;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const BY_JOBS = { concerns: () => true, atMostEvery: 3 };

export function Overview() {
  useTitle("");
  return (
    <div class="overview">
      <h1 class="spoken">Overview</h1>
      <Counts />
      <Attention />
      <HourPanels />
      <RunningNow />
      <Results />
    </div>
  );
}

function Counts() {
  const counts = useQuery(
    "counts",
    async (signal) => {
      const wanted = [{}, { status: "failed", disabled: "false" }, { status: "untriggered" }, { disabled: "true" }];
      const [all, failed, never, disabled] = await Promise.all(wanted.map((each) => countJobs(each, signal)));
      return { all, failed, never, disabled };
    },
    BY_JOBS,
  );
  const { data } = counts;
  const tiles: [string, number | undefined, string, string][] = [
    ["jobs", data?.all, "/jobs", ""],
    ["failed", data?.failed, "/jobs?status=failed&disabled=false", data?.failed ? "failed" : ""],
    ["never ran", data?.never, "/jobs?status=untriggered", ""],
    ["disabled", data?.disabled, "/jobs?disabled=true", ""],
  ];
  return (
    <ul class="counts">
      {tiles.map(([name, number, to, kind]) => (
        <li key={name} class={kind}>
          <Link href={to}>
            <b>{number ?? "–"}</b> {name}
          </Link>
        </li>
      ))}
      <li class={leader.value === "" ? "failed wide" : "wide"}>
        <Link href="/cluster">
          {leader.value === undefined ? "–" : leader.value ? <span class="clip">{leader.value}</span> : <b>no replica</b>} leads
        </Link>
      </li>
    </ul>
  );
}

function Attention() {
  const failed = useQuery(
    "attention",
    async (signal) => {
      const shared = { disabled: "false", sort: "last_error", order: "DESC", end: ATTENTION };
      const [bad, partly, pause] = await Promise.all([
        listJobs({ ...shared, status: "failed" }, signal),
        listJobs({ ...shared, status: "partially_failed" }, signal),
        ask(api.GET("/v1/pause", { signal })),
      ]);
      return { jobs: [...bad.items, ...partly.items], total: bad.total + partly.total, paused: pause.paused };
    },
    BY_JOBS,
  );
  const { data } = failed;
  const noLeader = leader.value === "";
  const more = data ? data.total - data.jobs.length : 0;
  return (
    <Panel
      title="Needs a person"
      class="attention"
      aside={more > 0 && <Link href="/jobs?status=failed&disabled=false">{more} more</Link>}
    >
      <Failure query={failed} />
      {noLeader && (
        <p class="note bad">
          No replica of the operator leads, so no job starts. Look at its pods and their log; <Link href="/cluster">cluster</Link>.
        </p>
      )}
      {data?.paused && (
        <p class="note warn">
          The installation is paused: it accepts no new and no changed jobs. <Link href="/cluster">End the pause</Link>.
        </p>
      )}
      {!data && failed.loading && <Loading />}
      {data && data.jobs.length === 0 && !noLeader && !data.paused && (
        <Empty title="Nothing. Each enabled job that ran has succeeded in its newest run." />
      )}
      {data && data.jobs.length > 0 && (
        <ul class="rows">
          {data.jobs.map((job) => (
            <li key={job.name}>
              <Mark state={job.status === "partially_failed" ? "partially_failed" : "failed"} />
              <Link href={jobPath(job.name)} class="name">
                {job.name}
              </Link>
              <span class="why clip" title={job.problem}>
                {job.problem ?? whyFailed(job)}
              </span>
              <span class="end">
                <When at={job.last_error} never="never ran" />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function whyFailed(job: Job): string {
  const worked = instant(job.last_success);
  return worked === undefined ? "has never succeeded" : `${job.displayname || "the newest run"} failed`;
}

function HourPanels() {
  const due = useQuery("due", (signal) => dueFirst(DUE, signal), { ...BY_JOBS, every: 60 });
  const ended = useQuery(
    "ended",
    async (signal) => {
      const wanted = { order: "DESC", end: DUE };
      const [good, bad] = await Promise.all([
        listJobs({ ...wanted, status: "success", sort: "last_success" }, signal),
        listJobs({ ...wanted, status: "failed", sort: "last_error" }, signal),
      ]);
      return [...good.items, ...bad.items];
    },
    { every: 60 },
  );
  const minute = Math.floor(now.value / MINUTE) * MINUTE;
  const cells = [...past(ended.data ?? [], recent.value), ...coming(due.data ?? [], minute)];
  const soon = (due.data ?? []).filter((job) => (instant(job.next) ?? 0) > now.value - 2000).slice(0, LISTED);
  return (
    <>
      <Panel title="An hour back, an hour ahead" class="hours" aside="the latest run and the next slot of each job">
        <Failure query={due} />
        <Tape cells={cells} now={minute} />
      </Panel>
      <Panel title="Comes next" class="next">
        {due.data && soon.length === 0 && (
          <Empty title="Nothing is planned.">
            <p class="muted">No enabled job has a schedule with a slot to come.</p>
          </Empty>
        )}
        {!due.data && due.loading && <Loading />}
        <ul class="rows">
          {soon.map((job) => (
            <li key={job.name}>
              <span class="countdown">
                <Countdown at={job.next} jobZone={job.timezone} />
              </span>
              <Link href={jobPath(job.name)} class="name">
                {job.name}
              </Link>
              <span class="why clip">{job.displayname || job.schedule}</span>
              <span class="end">
                <When at={job.next} jobZone={job.timezone} />
              </span>
            </li>
          ))}
        </ul>
      </Panel>
    </>
  );
}

/** What is known of the last hour: the runs that this page has seen end, and of each job its latest. */
function past(jobs: readonly Job[], seen: readonly Execution[]): Cell[] {
  const cells: Cell[] = seen.map((each) => ({
    at: instant(each.started_at) ?? 0,
    job: each.job_name,
    result: result(each),
  }));
  const known = new Set(seen.map((each) => each.job_name));
  for (const job of jobs) {
    if (known.has(job.name)) continue;
    const ok = instant(job.last_success);
    const bad = instant(job.last_error);
    if (ok !== undefined) cells.push({ at: ok, job: job.name, result: "success" });
    if (bad !== undefined) cells.push({ at: bad, job: job.name, result: "failed" });
  }
  return cells;
}

function coming(jobs: readonly Job[], from: number): Cell[] {
  return jobs.flatMap((job) => {
    const at = instant(job.next);
    return at !== undefined && at >= from && at < from + HOUR ? [{ at, job: job.name, result: "planned" as const }] : [];
  });
}

function RunningNow() {
  const running = useQuery("busy", busy, { concerns: (event) => event.type === "execution", every: 60 });
  const { data } = running;
  return (
    <Panel title="Runs now" class="running-now" aside={data && data.length > LISTED && <Link href="/busy">all {data.length}</Link>}>
      <Failure query={running} />
      {!data && running.loading && <Loading />}
      {data?.length === 0 && <Empty title="Nothing runs at the moment." />}
      <ul class="rows">
        {(data ?? []).slice(0, LISTED).map((each) => (
          <li key={each.id}>
            <Mark state="running" />
            <Link href={executionPath(each.job_name, each.id)} class="name">
              {each.job_name}
            </Link>
            <span class="why clip">{each.node_name || "waits for a node"}</span>
            <span class="end">
              <Elapsed since={each.started_at} />
            </span>
          </li>
        ))}
      </ul>
      <h3>Ended just now</h3>
      {recent.value.length === 0 && <p class="muted">Runs that end while this page is open appear here.</p>}
      <ul class="rows">
        {recent.value.slice(0, LISTED).map((each) => (
          <li key={each.id}>
            <Mark state={result(each) as State} />
            <Link href={executionPath(each.job_name, each.id)} class="name">
              {each.job_name}
            </Link>
            <span class="why">{(each.attempt ?? 1) > 1 ? `attempt ${each.attempt}` : ""}</span>
            <span class="end">
              <When at={each.finished_at ?? planned(each)} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Results() {
  const stats = useQuery("stats", (signal) => ask(api.GET("/v1/stats", { params: { query: { days: 30 } }, signal })), {
    concerns: (event) => event.type === "execution",
    atMostEvery: 15,
  });
  return (
    <Panel title="Thirty days" class="thirty" aside="executions that ended, by day in UTC">
      <Failure query={stats} />
      {!stats.data && stats.loading && <Loading />}
      {stats.data && <Days days={stats.data.stats} />}
    </Panel>
  );
}
