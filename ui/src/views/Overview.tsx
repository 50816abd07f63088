// What needs a person first, what runs, what ran in the last hour and what comes in the next.

import { Link } from "wouter-preact";
import { api, ask, type StateWord, type Summary } from "../api/client";
import { type Bucket, timelineOf } from "../api/runs";
import { latenessInWords } from "../model/attention";
import { isForAll, whoAndWhy } from "../model/backfills";
import { runsPath } from "../model/runs";
import { duration, instant, rfc3339 } from "../model/time";
import { MINUTES } from "../model/timeline";
import { Attention } from "../parts/Attention";
import { Days } from "../parts/Days";
import { Expected } from "../parts/Expected";
import { Failing } from "../parts/Failing";
import { executionPath, jobPath } from "../parts/links";
import { Panel } from "../parts/Panel";
import { StateIcon } from "../parts/StateIcon";
import { Empty, Failure, Pending } from "../parts/States";
import { Ago, Countdown, When } from "../parts/Time";
import { Timeline } from "../parts/Timeline";
import { useTallest } from "../parts/useTallest";
import { useTitle } from "../parts/useTitle";
import { Week } from "../parts/Week";
import { now } from "../state/clock";
import { leader } from "../state/live";
import { knownPauses } from "../state/pauses";
import { type Query, useQuery } from "../state/query";

/** Rows of each list. */
const LISTED = 8;
const MINUTE = 60_000;

export function Overview() {
  useTitle("");
  const summary = useQuery<Summary>("summary", (signal) => ask(api.GET("/v1/summary", { signal })), {
    concerns: () => true,
    every: 30,
  });
  const { data } = summary;
  return (
    <div class="overview">
      <h1 class="spoken">Overview</h1>
      <Counts data={data} />
      <Attention summary={summary} />
      <BothHours summary={summary} />
      <Running summary={summary} />
      <Next summary={summary} />
      <Failing />
      <Panel title="Thirty days" class="thirty" aside="executions that ended, by day in UTC">
        {data ? <Days days={data.days} /> : <Pending query={summary} />}
      </Panel>
      <Panel title="A week, hour by hour" class="week" aside="executions that ended, and slots until tomorrow">
        <Week />
      </Panel>
    </div>
  );
}

/** The words that are shown if a job has them, with what they say. */
const COUNTED: [StateWord, string, boolean][] = [
  ["running", "running", false],
  ["waiting", "waiting in line", false],
  ["failing", "failing", true],
  ["late", "late", true],
  ["stuck", "stuck", true],
  ["invalid", "cannot run", true],
  ["suspended", "disabled, paused or over", false],
];

function Counts({ data }: { data: Summary | undefined }) {
  const leads = leader.value ?? data?.leader;
  const shown = COUNTED.filter(([word]) => data?.counts[word]);
  return (
    <ul class="counts">
      <li>
        <Link href="/jobs">
          <b>{data?.jobs ?? "–"}</b> jobs
        </Link>
      </li>
      {shown.map(([word, says, isBad]) => (
        <li key={word} class={isBad ? "failed" : ""}>
          <Link href={`/jobs?state=${word}`}>
            <b>{data?.counts[word]}</b> {says}
          </Link>
        </li>
      ))}
      <li class={leads === "" ? "leads failed" : "leads"}>
        <Link href="/cluster">{leads === undefined ? "" : leads ? `${leads} leads` : "no replica leads"}</Link>
      </li>
    </ul>
  );
}

interface Part {
  summary: Query<Summary>;
}

function BothHours({ summary }: Part) {
  const { data } = summary;
  const minute = Math.floor(now.value / MINUTE) * MINUTE;
  const from = minute - MINUTES * MINUTE;
  const ended = useQuery<Bucket[]>(
    `timeline ${minute}`,
    (signal) => timelineOf(rfc3339(from), rfc3339(minute + MINUTE), "minute", "", signal),
    { concerns: (event) => event.type === "execution", atMostEvery: 3, every: 30 },
  );
  return (
    <Panel
      title="An hour back, an hour ahead"
      class="hours"
      aside={ended.data && <Link href={runsPath({ from })}>{lastHour(ended.data)}</Link>}
    >
      {!data && summary.error ? (
        <Pending query={summary} />
      ) : (
        <Timeline summary={data} ended={ended.data} now={minute} />
      )}
      <Failure query={ended} />
      {data && <Lateness of={data} />}
    </Panel>
  );
}

function Lateness({ of }: { of: Summary }) {
  const { words, job, after } = latenessInWords(of);
  return (
    <p class="muted small-print">
      {words}
      {job && <Link href={jobPath(job)}>{job}</Link>}
      {after}
    </p>
  );
}

function lastHour(ended: readonly Bucket[]): string {
  const failed = ended.reduce((sum, each) => sum + each.failed, 0);
  const all = ended.reduce((sum, each) => sum + each.success, failed);
  return `${all} ${all === 1 ? "execution" : "executions"} ended${failed ? `, ${failed} failed` : ""}`;
}

function Running({ summary }: Part) {
  const { data } = summary;
  const running = data?.running;
  const box = useTallest<HTMLDivElement>();
  const ended = [...(data?.last_hour.slots ?? [])].sort((a, b) => b.started_at.localeCompare(a.started_at));
  return (
    <Panel
      title="Runs now"
      class="running-now"
      aside={running && running.total > LISTED && <Link href="/busy">all {running.total}</Link>}
    >
      {!data && <Pending query={summary} />}
      <div ref={box}>
        {running?.total === 0 && <Empty title="Nothing runs at the moment." />}
        <ul class="rows">
          {running?.executions.slice(0, LISTED).map((each) => (
            <li key={each.id} class="progressing">
              <StateIcon state="running" />
              <Link href={executionPath(each.job, each.id)} class="name">
                {each.job}
              </Link>
              <span class="why clip">{each.node_name || (each.attempt > 1 ? `attempt ${each.attempt}` : "")}</span>
              <span class="end">
                <Expected since={each.started_at} usual={each.usual_seconds} />
              </span>
            </li>
          ))}
        </ul>
      </div>
      {ended.length > 0 && <h3>Latest runs</h3>}
      <ul class="rows">
        {ended.slice(0, LISTED).map((each) => (
          <li key={`${each.job} ${each.started_at}`}>
            <StateIcon state={each.result} />
            <Link href={jobPath(each.job)} class="name">
              {each.job}
            </Link>
            <span class="why clip">
              {each.trigger === "schedule" ? "" : each.trigger}
              {each.attempts > 1 ? ` ${each.attempts} attempts` : ""}
              {` took ${duration(each.took_seconds * 1000)}`}
            </span>
            <span class="end">
              <Ago at={each.started_at} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Next({ summary }: Part) {
  const { data } = summary;
  const held = knownPauses().find(isForAll);
  // As many as stand beside it: what runs, a heading, and the latest runs.
  const rows = LISTED + Math.min(LISTED, data?.running.total ?? 0) + 1;
  const soon = (data?.next_hour.slots ?? []).filter((each) => (instant(each.due) ?? 0) > now.value - 1000);
  return (
    <Panel title="Comes next" class="next" aside={data && nextHour(data.next_hour)}>
      {!data && <Pending query={summary} />}
      {data && soon.length === 0 && (
        <Empty title={`Nothing is due within an hour${held ? `: all jobs are paused${whoAndWhy(held)}` : ""}.`} />
      )}
      <ul class="rows">
        {soon.slice(0, rows).map((each) => (
          <li key={`${each.job} ${each.due}`}>
            <span class="countdown">
              <Countdown at={each.due} />
            </span>
            <Link href={jobPath(each.job)} class="name">
              {each.job}
            </Link>
            <span class="why" />
            <span class="end">
              <When at={each.due} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function nextHour({ slots, more }: Summary["next_hour"]): string {
  return `${more ? "more than " : ""}${slots.length} ${slots.length === 1 ? "slot" : "slots"} within an hour`;
}
