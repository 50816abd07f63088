// One attempt: how it went, the other attempts of its run, and its log while it is written.

import { Link } from "wouter-preact";
import { api, ask, type Execution as Body } from "../api/client";
import { executionsOf, runJob, stopExecution } from "../api/jobs";
import { LogView } from "../parts/LogView";
import { executionPath, jobPath } from "../parts/links";
import { Mark } from "../parts/Mark";
import { Facts, Panel } from "../parts/Panel";
import { Empty, Failure, Loading } from "../parts/States";
import { Elapsed, When } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import type { LiveEvent } from "../state/live";
import { attempt } from "../state/notices";
import { useQuery } from "../state/query";
import { useRights } from "../state/rights";
import { attemptsOf, lateness, planned, result, taken } from "../text/slots";
import { duration } from "../text/time";

export function Execution({ job, id }: { job: string; id: string }) {
  useTitle(`${job}, a run`);
  const may = useRights(job);
  const concerns = (event: LiveEvent) => event.type === "execution" && event.execution.job_name === job;
  const path = { job_name: job, execution: id };
  const one = useQuery(
    `execution ${job} ${id}`,
    (signal) => ask<Body>(api.GET("/v1/jobs/{job_name}/executions/{execution}", { params: { path }, signal })),
    { concerns },
  );
  const all = useQuery(`attempts ${job}`, (signal) => executionsOf(job, 0, signal), { concerns });
  const body = one.data;
  if (one.error?.status === 404) {
    return (
      <Empty page title="This execution is not kept any more.">
        <p>
          A job keeps its latest executions (<code>history.executions</code>).{" "}
          <Link href={jobPath(job)}>Show {job}</Link>
        </p>
      </Empty>
    );
  }
  const kind = body && result(body);
  const attempts = body ? attemptsOf(body, all.data ?? []) : [];
  return (
    <div class="execution">
      <header class="head">
        <div class="titles">
          <p class="crumbs">
            <Link href="/jobs">Jobs</Link> / <Link href={jobPath(job)}>{job}</Link>
          </p>
          <h1>
            {job}
            {body && (
              <>
                , <When at={planned(body) ?? body.started_at} />
              </>
            )}
          </h1>
          {kind && (
            <p class="sub">
              <Mark state={kind} word />
              {body.attempt && body.attempt > 1 && <span>attempt {body.attempt}</span>}
            </p>
          )}
        </div>
        <div class="buttons">
          {kind === "running" && may("create dkronjobs/stop") && (
            <button
              type="button"
              class="danger"
              onClick={() =>
                attempt(() => stopExecution(job, id), "It is asked to stop; its pod gets its grace period.")
              }
            >
              Stop
            </button>
          )}
          {kind && kind !== "running" && may("create dkronjobs/run") && (
            <button type="button" onClick={() => attempt(() => runJob(job), `${job} is asked to run.`)}>
              Run again
            </button>
          )}
        </div>
      </header>
      <Failure query={one} />
      {!body && one.loading && <Loading rows={6} />}
      {body && (
        <div class="grid">
          <Panel title="Log" class="log-panel">
            <LogView key={id} execution={body} running={kind === "running"} allowed={may("get dkronjobs/log")} />
          </Panel>
          <Panel title="Times" class="times">
            <Timing body={body} />
          </Panel>
          {attempts.length > 1 && (
            <Panel title="Attempts of this run" class="attempts">
              <ol class="rows">
                {attempts.map((each) => (
                  <li key={each.id} aria-current={each.id === id ? "true" : undefined}>
                    <Mark state={result(each)} />
                    <Link class="name" href={executionPath(job, each.id)}>
                      attempt {each.attempt}
                    </Link>
                    <span class="why clip">{each.node_name}</span>
                    <span class="end">
                      {result(each) === "running" ? <Elapsed since={each.started_at} /> : duration(taken(each, 0))}
                    </span>
                  </li>
                ))}
              </ol>
            </Panel>
          )}
        </div>
      )}
    </div>
  );
}

function Timing({ body }: { body: Body }) {
  const late = lateness(body);
  const running = result(body) === "running";
  return (
    <Facts
      rows={[
        ["Planned", <When key="p" at={planned(body)} />],
        ["Began", <When key="b" at={body.started_at} />],
        ["Late by", late === undefined ? "" : duration(late)],
        ["Ended", running ? "" : <When key="e" at={body.finished_at} />],
        [running ? "Running for" : "Took", running ? <Elapsed since={body.started_at} /> : duration(taken(body, 0))],
        ["Attempt", body.attempt],
        ["Node", body.node_name || (running ? "none yet" : "")],
        ["Id", <code key="i">{body.id}</code>],
      ]}
    />
  );
}
