// One job: whether it runs, when it runs, what became of its runs, and what it is.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, ask, askJob, type Job as JobBody } from "../api/client";
import { type Details, detailsOf, type Keeper as Kept, pausedBy } from "../api/details";
import { executionsOf } from "../api/jobs";
import type { Result } from "../api/runs";
import { whyNot } from "../model/problem";
import { runsPath } from "../model/runs";
import { hasWaiting, result, summary, wasStopped } from "../model/slots";
import { stateOf } from "../model/state";
import { yaml } from "../model/yaml";
import { Calendar } from "../parts/Calendar";
import { ChainGraph } from "../parts/ChainGraph";
import { Conditions } from "../parts/Conditions";
import { Copy } from "../parts/Copy";
import { Due } from "../parts/Due";
import { Explain } from "../parts/Explain";
import { JobActions } from "../parts/JobActions";
import { JobPauses } from "../parts/JobPauses";
import { JobStateIcon } from "../parts/JobStateIcon";
import { Keeper, inWords as keptInWords } from "../parts/Keeper";
import { jobPath } from "../parts/links";
import { Facts, Panel } from "../parts/Panel";
import { Revisions } from "../parts/Revisions";
import { Runs } from "../parts/RunsTable";
import { Empty, Failure, Loading } from "../parts/States";
import { useTitle } from "../parts/useTitle";
import { now } from "../state/clock";
import type { LiveEvent } from "../state/live";
import { useQuery } from "../state/query";
import { useRights } from "../state/rights";

/** Slots that are asked for; the calendar shows them. */
const UPCOMING = 40;
const NONE: readonly string[] = [];
/** Runs below which their column is the shorter one. */
const FEW = 8;
/** Seconds between two reads while a run waits: runs of other jobs change its place, too. */
const LINE = 10;
/** Bytes of each output that the list of runs shows. */
const OUTPUT = 120;

export function Job({ name }: { name: string }) {
  useTitle(name);
  const path = { job_name: name };
  const ofJob = (event: LiveEvent) => event.type === "job" && event.job.name === name;
  const job = useQuery(
    `job ${name}`,
    (signal) => askJob(api.GET("/v1/jobs/{job_name}", { params: { path }, signal })),
    { concerns: ofJob, every: 60 },
  );
  const [every, setEvery] = useState<number>();
  const runs = useQuery(`runs ${name}`, (signal) => executionsOf(name, OUTPUT, signal, true), {
    concerns: (event) => event.type === "execution" && event.execution.job_name === name,
    every,
  });
  useEffect(() => setEvery(hasWaiting(runs.data ?? []) ? LINE : undefined), [runs.data]);
  const next = useQuery(
    `next ${name}`,
    (signal) => ask(api.GET("/v1/jobs/{job_name}/next", { params: { path, query: { count: UPCOMING } }, signal })),
    { concerns: ofJob, every: 60 },
  );
  const details = useQuery(`details ${name}`, (signal) => detailsOf(name, signal), {
    concerns: ofJob,
    atMostEvery: 5,
    every: 60,
  });
  const body = job.data;
  const slots = next.data?.next ?? NONE;
  const paused = pausedBy(details.data);
  const told = [paused, body?.problem ? whyNot(body.problem) : ""];
  const may = useRights(name);
  if (job.error?.status === 404) {
    return (
      <Empty page title={`There is no job ${name}.`}>
        <p>
          It was deleted, or never existed.{" "}
          <Link href={`/jobs?q=${encodeURIComponent(name)}`}>Search for the name</Link>
        </p>
      </Empty>
    );
  }
  const waiting = hasWaiting(runs.data ?? []);
  const running = (runs.data ?? []).some((each) => result(each) === "running");
  // The panel beside it goes where there is room: below few runs.
  const isShort = (runs.data?.length ?? FEW) < FEW;
  const weeks = details.data && runs.data && (
    <Panel title="Five weeks" class="weeks" aside="by the day they ended, in UTC">
      <Calendar
        executions={runs.data}
        kept={details.data.kept_executions}
        days={details.data.days}
        next={slots}
        now={now.peek()}
        job={name}
      />
    </Panel>
  );
  return (
    <div class="job">
      <header class="head">
        <div class="titles">
          <p class="crumbs">
            <Link href="/jobs">Jobs</Link>
          </p>
          <h1>{name}</h1>
          {body && (
            <p class="sub">
              <JobStateIcon
                of={{ ...body, paused, stopped: wasStopped(runs.data ?? []), waiting }}
                running={running}
                word
              />
              <Keeper kept={details.data?.kept_by} full />
              {body.displayname && <span>{body.displayname}</span>}
            </p>
          )}
        </div>
        {body && <JobActions job={body} details={details.data} may={may} replace={(next) => job.change(() => next)} />}
      </header>
      <Failure query={job} />
      {!body && job.loading && <Loading rows={6} />}
      <JobPauses job={name} paused={paused} />
      {body?.problem && (
        <p class="note bad" role="alert">
          <strong>Does not run.</strong> {whyNot(body.problem)}{" "}
          {may("update dkronjobs") && <Link href={`${jobPath(name)}/edit`}>Edit it</Link>}
        </p>
      )}
      {body && (
        <div class="grid">
          <div class="stack">
            <Panel
              title="Runs"
              class="runs"
              aside={runs.data && <Link href={runsPath({ jobs: [name] })}>{summary(runs.data)}</Link>}
            >
              <Failure query={runs} />
              {runs.data && <Runs runs={runs.data} job={body} next={slots} isPaused={paused !== ""} />}
              {!runs.data && runs.loading && <Loading rows={6} />}
            </Panel>
            <Panel title="What" class="what" aside={<AsYaml details={details.data} />}>
              <Failure query={details} />
              <What job={body} kept={details.data?.kept_by} />
              <Revisions job={name} />
            </Panel>
            {(details.data?.chain.length ?? 0) > 1 && (
              <Panel
                title="Chain"
                class="chain"
                aside={details.data?.chain_has_more ? "the nearest 200 jobs" : "what runs before and after it"}
              >
                <ChainGraph
                  jobs={(details.data?.chain ?? []).map((each) => ({ ...each, state: stateOf(each, false) }))}
                  current={name}
                  label={`The chain of ${name}`}
                />
              </Panel>
            )}
            {isShort && weeks}
          </div>
          <div class="stack">
            <Panel title="When" class="when">
              <Due job={body} upcoming={next.data} details={details.data} />
            </Panel>
            {body.schedule && (
              <Panel title="Why, or why not" class="explain">
                <Explain job={name} zone={body.timezone} told={told} />
              </Panel>
            )}
            {!isShort && weeks}
            {(details.data?.conditions.length ?? 0) > 0 && (
              <Panel title="Conditions" class="state">
                <Conditions conditions={details.data?.conditions ?? []} told={told} />
              </Panel>
            )}
          </div>
        </div>
      )}
    </div>
  );
}

/** The manifest, which is on the page once the details are read. */
function AsYaml({ details }: { details: Details | undefined }) {
  if (!details?.manifest) return null;
  return <Copy text={yaml(details.manifest)} label="Copy as YAML" />;
}

function What({ job, kept }: { job: JobBody; kept: Kept | null | undefined }) {
  const { command, ...config } = job.executor_config ?? {};
  return (
    <>
      {command && <pre class="command">{command}</pre>}
      <Facts
        rows={[
          ["Kept by", kept && keptInWords(kept)],
          ["Executor", job.executor],
          ...pairs(config),
          ["Owner", ownerOf(job)],
          ["Succeeded", <Times key="s" job={job.name} state="success" count={job.success_count} />],
          ["Failed", job.error_count > 0 && <Times key="f" job={job.name} state="failed" count={job.error_count} />],
          ["Ephemeral", job.ephemeral ? "deleted after its first success" : ""],
        ]}
      />
      <Group title="Tags" of={job.tags} />
      <Group title="Metadata" of={job.metadata} />
      {Object.entries(job.processors ?? {}).map(([name, settings]) => (
        <Group key={name} title={`Processor ${name}`} of={(settings ?? {}) as Record<string, string>} always />
      ))}
    </>
  );
}

interface TimesProps {
  job: string;
  state: Result;
  count: number;
}

function Times({ job, state, count }: TimesProps) {
  return <Link href={runsPath({ jobs: [job], state })}>{count === 1 ? "once" : `${count} times`}</Link>;
}

/** The owner, who leads to the executions of all of its jobs. */
function ownerOf({ owner, owner_email }: JobBody): ComponentChildren {
  if (!owner) return owner_email;
  return (
    <>
      <Link href={runsPath({ owner })} title={`Executions of all jobs of ${owner}`}>
        {owner}
      </Link>
      {owner_email && `, ${owner_email}`}
    </>
  );
}

type Texts = { [key: string]: string | null } | null | undefined;

function Group({ title, of, always = false }: { title: string; of: Texts; always?: boolean }) {
  const rows = pairs(of ?? {});
  if (!rows.length && !always) return null;
  return (
    <>
      <h3>{title}</h3>
      <Facts rows={rows} />
    </>
  );
}

function pairs(of: { [key: string]: unknown }): [string, ComponentChildren][] {
  return Object.entries(of).map(([key, value]) => [key, <code key={key}>{String(value ?? "")}</code>]);
}
