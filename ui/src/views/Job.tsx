// One job: whether it runs, when it runs, what became of its runs, and what it is.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { api, ask, askJob, type Execution, type Job as JobBody } from "../api/client";
import { deleteJob, executionsOf, runJob, toggleJob } from "../api/jobs";
import { Confirm } from "../parts/Confirm";
import { Copy } from "../parts/Copy";
import { DurationsPlot } from "../parts/DurationsPlot";
import { Explain } from "../parts/Explain";
import { JobPauses } from "../parts/JobPauses";
import { executionPath, jobPath } from "../parts/links";
import { Mark } from "../parts/Mark";
import { Facts, Panel } from "../parts/Panel";
import { Empty, Failure, Loading } from "../parts/States";
import { Countdown, Elapsed, When } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import type { LiveEvent } from "../state/live";
import { attempt } from "../state/notices";
import { useQuery } from "../state/query";
import { useRights } from "../state/rights";
import { may as mayHere } from "../state/session";
import { lateness, planned, result, summary, taken } from "../text/slots";
import { duration, instant } from "../text/time";
import { manifest } from "../text/yaml";
import { stateOf } from "./Jobs";

const UPCOMING = 10;
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
  const runs = useQuery(`runs ${name}`, (signal) => executionsOf(name, OUTPUT, signal), {
    concerns: (event) => event.type === "execution" && event.execution.job_name === name,
  });
  const next = useQuery(
    `next ${name}`,
    (signal) => ask(api.GET("/v1/jobs/{job_name}/next", { params: { path, query: { count: UPCOMING } }, signal })),
    { concerns: ofJob, every: 60 },
  );
  const body = job.data;
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
  const running = (runs.data ?? []).some((each) => result(each) === "running");
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
              <Mark state={stateOf(body, running)} word />
              {body.displayname && <span>{body.displayname}</span>}
            </p>
          )}
        </div>
        {body && <Actions job={body} replace={(next) => job.change(() => next)} />}
      </header>
      <Failure query={job} />
      {!body && job.loading && <Loading rows={6} />}
      <JobPauses job={name} />
      {body?.problem && (
        <p class="note bad" role="alert">
          <strong>Does not run.</strong> {body.problem}
        </p>
      )}
      {body && (
        <div class="grid">
          <Panel title="Runs" class="runs" aside={runs.data && summary(runs.data)}>
            <Failure query={runs} />
            {runs.data && <Runs runs={runs.data} job={body} />}
            {!runs.data && runs.loading && <Loading rows={6} />}
          </Panel>
          <Panel title="When" class="when">
            <Due job={body} next={next.data?.next ?? []} />
          </Panel>
          {body.schedule && (
            <Panel title="Why, or why not" class="explain">
              <Explain job={name} zone={body.timezone} />
            </Panel>
          )}
          <Panel title="What" class="what" aside={<Copy text={manifest(body)} label="Copy as YAML" />}>
            <What job={body} />
          </Panel>
        </div>
      )}
    </div>
  );
}

function Actions({ job, replace }: { job: JobBody; replace: (next: JobBody) => void }) {
  const may = useRights(job.name);
  const [, go] = useLocation();
  const [asking, setAsking] = useState(false);
  const toggle = () =>
    attempt(
      async () => replace(await toggleJob(job.name)),
      job.disabled ? `${job.name} is enabled.` : `${job.name} is disabled.`,
    );
  const remove = async () => {
    if (await attempt(() => deleteJob(job.name), `${job.name} is deleted.`)) go("/jobs");
  };
  return (
    <div class="buttons">
      {may("create dkronjobs/run") && (
        <button
          type="button"
          class="primary"
          disabled={job.disabled && !job.parent_job}
          onClick={() => attempt(() => runJob(job.name), `${job.name} is asked to run.`)}
        >
          Run now
        </button>
      )}
      {may("update dkronjobs/toggle") && (
        <button type="button" onClick={toggle}>
          {job.disabled ? "Enable" : "Disable"}
        </button>
      )}
      {may("update dkronjobs") && (
        <Link class="button" href={`${jobPath(job.name)}/edit`}>
          Edit
        </Link>
      )}
      {mayHere("create dkronpauses") && (
        <Link class="button" href={`/pauses/new?job=${encodeURIComponent(job.name)}`}>
          Pause
        </Link>
      )}
      {job.schedule && mayHere("create dkronbackfills") && (
        <Link class="button" href={`/backfills/new?job=${encodeURIComponent(job.name)}`}>
          Backfill
        </Link>
      )}
      {may("delete dkronjobs") && (
        <button type="button" class="danger" onClick={() => setAsking(true)}>
          Delete
        </button>
      )}
      {asking && (
        <Confirm
          title={`Delete ${job.name}?`}
          text="Its executions are deleted with it, and runs that are active are stopped."
          verb="Delete"
          onYes={remove}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}

function Due({ job, next }: { job: JobBody; next: readonly string[] }) {
  return (
    <>
      <Facts
        rows={[
          ["Next", <Countdown key="n" at={job.next} jobZone={job.timezone} never={whyNever(job)} />],
          ["Schedule", job.schedule && <code>{job.schedule}</code>],
          ["Zone", job.timezone || (instant(job.next) === undefined ? "" : "UTC")],
          ["Not before", job.starts_at && <When key="s" at={job.starts_at} jobZone={job.timezone} />],
          ["Not after", job.expires_at && <When key="e" at={job.expires_at} jobZone={job.timezone} />],
          ["Runs after", job.parent_job && <Link href={jobPath(job.parent_job)}>{job.parent_job}</Link>],
          ["Then run", job.dependent_jobs?.length ? <Links jobs={job.dependent_jobs} /> : ""],
          [
            "While it runs",
            job.concurrency === "allow"
              ? ""
              : { forbid: "a slot is skipped", replace: "a slot replaces it" }[job.concurrency],
          ],
          ["Retries", job.retries || ""],
        ]}
      />
      {next.length > 0 && (
        <>
          <h3>Coming slots</h3>
          <ol class="slots">
            {next.map((slot) => (
              <li key={slot}>
                <When at={slot} jobZone={job.timezone} />
              </li>
            ))}
          </ol>
        </>
      )}
    </>
  );
}

function whyNever(job: JobBody): string {
  if (job.disabled) return "never: the job is disabled";
  if (job.parent_job) return `whenever ${job.parent_job} has succeeded`;
  return "only on request";
}

function firstRun(job: JobBody): string {
  if (instant(job.next) !== undefined) return "Its first run comes with its next slot.";
  return job.disabled ? "It is disabled." : `It runs ${whyNever(job)}.`;
}

function Links({ jobs }: { jobs: readonly string[] }) {
  return (
    <>
      {jobs.map((job, index) => (
        <span key={job}>
          {index > 0 && ", "}
          <Link href={jobPath(job)}>{job}</Link>
        </span>
      ))}
    </>
  );
}

function Runs({ runs, job }: { runs: readonly Execution[]; job: JobBody }) {
  if (!runs.length) {
    return (
      <Empty title="It has not run yet.">
        <p class="muted">{firstRun(job)}</p>
      </Empty>
    );
  }
  return (
    <>
      <DurationsPlot executions={runs} />
      <div class="scroll">
        <table class="list">
          <caption class="spoken">Runs of {job.name}, the newest first</caption>
          <thead>
            <tr>
              <th scope="col">Result</th>
              <th scope="col">Planned</th>
              <th scope="col" class="medium">
                Began
              </th>
              <th scope="col" class="number">
                Took
              </th>
              <th scope="col" class="number medium">
                Attempt
              </th>
              <th scope="col" class="medium">
                Node
              </th>
              <th scope="col" class="wide">
                Output
              </th>
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <RunRow key={run.id} run={run} zone={job.timezone} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function RunRow({ run, zone }: { run: Execution; zone: string }) {
  const kind = result(run);
  const late = lateness(run);
  return (
    <tr>
      <th scope="row" class="nowrap">
        <Link href={executionPath(run.job_name, run.id)}>
          <Mark state={kind} word />
        </Link>
      </th>
      <td class="nowrap">
        <When at={planned(run)} jobZone={zone} />
      </td>
      <td class="nowrap">{late === undefined ? <When at={run.started_at} jobZone={zone} /> : `+ ${duration(late)}`}</td>
      <td class="number nowrap">{kind === "running" ? <Elapsed since={run.started_at} /> : duration(taken(run, 0))}</td>
      <td class="number medium">{run.attempt}</td>
      <td class="medium clip">{run.node_name}</td>
      <td class="wide mono clip">{(run.output ?? "").trim().split("\n").pop()}</td>
    </tr>
  );
}

function What({ job }: { job: JobBody }) {
  const { command, ...config } = job.executor_config ?? {};
  return (
    <>
      {command && <pre class="command">{command}</pre>}
      <Facts
        rows={[
          ["Executor", job.executor],
          ...pairs(config),
          ["Owner", [job.owner, job.owner_email].filter(Boolean).join(", ")],
          ["Succeeded", `${job.success_count} times`],
          ["Failed", job.error_count ? `${job.error_count} times` : ""],
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
