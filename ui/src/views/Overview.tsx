// What needs a person first, what runs, what ran in the last hour and what comes in the next.

import { Link } from "wouter-preact";
import { api, ask, type StateWord, type Summary } from "../api/client";
import { latenessInWords, progressInWords } from "../model/attention";
import { isForAll, whoAndWhy } from "../model/backfills";
import { duration, instant, wholeSeconds } from "../model/time";
import { Attention } from "../parts/Attention";
import { Days } from "../parts/Days";
import { Failing } from "../parts/Failing";
import { executionPath, jobPath } from "../parts/links";
import { Panel } from "../parts/Panel";
import { StateIcon } from "../parts/StateIcon";
import { Empty, Pending } from "../parts/States";
import { Ago, Countdown, When } from "../parts/Time";
import { Timeline } from "../parts/Timeline";
import { useTallest } from "../parts/useTallest";
import { useTitle } from "../parts/useTitle";
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
    </div>
  );
}

/** The words that are shown if a job has them, with what they say. */
const COUNTED: [StateWord, string, boolean][] = [
  ["running", "running", false],
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
  const hour = data?.last_hour;
  return (
    <Panel title="An hour back, an hour ahead" class="hours" aside={hour && lastHour(hour)}>
      {!data && summary.error ? <Pending query={summary} /> : <Timeline summary={data} now={minute} />}
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

function lastHour({ runs, failed, partially_failed }: Summary["last_hour"]): string {
  const bad = failed + partially_failed;
  return `${runs} ${runs === 1 ? "run" : "runs"} ended${bad ? `, ${bad} failed` : ""}`;
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
                <Progress since={each.started_at} usual={each.usual_seconds} />
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

/** How long it has run, and how far that is by what it usually takes. */
function Progress({ since, usual }: { since: string; usual: number | undefined }) {
  const elapsed = Math.max(0, (now.value - (instant(since) ?? now.value)) / 1000);
  return (
    <span class="elapsed">
      {progressInWords(wholeSeconds(elapsed), usual)}
      {usual !== undefined && usual > 0 && (
        <svg
          viewBox="0 0 100 3"
          preserveAspectRatio="none"
          class={elapsed > 2 * usual ? "long" : ""}
          aria-hidden="true"
        >
          <rect class="ground" width={100} height={3} />
          <rect width={Math.min(100, (100 * elapsed) / usual)} height={3} />
        </svg>
      )}
    </span>
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
