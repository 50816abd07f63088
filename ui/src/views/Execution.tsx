// One attempt: how it went, the other attempts and members of its run, and its log while it is written.

import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { api, ask, askJob, type Execution as Body } from "../api/client";
import { executionsOf, runAgain, wasAskedFor } from "../api/jobs";
import { around } from "../model/around";
import { tookInWords } from "../model/attention";
import { pauseOf } from "../model/backfills";
import { usualOf } from "../model/percentiles";
import { placeInWords, waited } from "../model/queue";
import {
  attemptsOf,
  isOver,
  isStopped,
  lateness,
  neverBegan,
  planned,
  queued,
  result,
  sinceOf,
  standsFor,
  taken,
  traceLink,
  waitsAgain,
  whyFailed,
} from "../model/slots";
import { duration, inZone } from "../model/time";
import { Copy } from "../parts/Copy";
import { Expected } from "../parts/Expected";
import { LogView } from "../parts/LogView";
import { executionPath, jobPath } from "../parts/links";
import { Facts, Panel } from "../parts/Panel";
import { StateIcon } from "../parts/StateIcon";
import { Empty, Failure, Loading } from "../parts/States";
import { StopButton, StoppingIcon } from "../parts/Stop";
import { Elapsed, When } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { useNeighbours } from "../state/around";
import { now } from "../state/clock";
import type { LiveEvent } from "../state/live";
import { attempt } from "../state/notices";
import { knownPauses } from "../state/pauses";
import { shownZone } from "../state/preferences";
import { useQuery } from "../state/query";
import { useRights } from "../state/rights";
import { whoami } from "../state/session";

/** Seconds between two reads of a run that is stopping, of one that has no node yet, and of one that waits. */
const [STOPPING, STARTING, WAITING] = [2, 5, 10];

export function Execution({ job, id }: { job: string; id: string }) {
  useTitle(`${job}, a run`);
  const may = useRights(job);
  const concerns = (event: LiveEvent) => event.type === "execution" && event.execution.job_name === job;
  const params = { path: { job_name: job, execution: id }, query: { details: true } };
  const [every, setEvery] = useState<number>();
  const one = useQuery(
    `execution ${job} ${id}`,
    (signal) => ask<Body>(api.GET("/v1/jobs/{job_name}/executions/{execution}", { params, signal })),
    { concerns, every },
  );
  useEffect(() => setEvery(one.data && soon(one.data)), [one.data]);
  const all = useQuery(`attempts ${job}`, (signal) => executionsOf(job, 0, signal, true), { concerns });
  const path = { job_name: job };
  const zone = useQuery(`zone ${job}`, (signal) => askJob(api.GET("/v1/jobs/{job_name}", { params: { path }, signal })))
    .data?.timezone;
  const [isWide, setWide] = useState(false);
  const body = one.data;
  const near = useNeighbours(job, body, all.data);
  const held = pauseOf(job, knownPauses());
  useMember(job, id, one.data, all.data);
  if (one.error?.status === 404) {
    return (
      <Empty page title="This execution is not there.">
        <p>
          A job keeps its latest executions (<code>history.executions</code>). A requested one appears as it begins, and
          if it is refused, the job says why. <Link href={jobPath(job)}>Show {job}</Link>
        </p>
      </Empty>
    );
  }
  const kind = body && result(body);
  const attempts = body ? attemptsOf(body, near) : [];
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
                , <When at={planned(body) ?? body.started_at} jobZone={zone} />
              </>
            )}
          </h1>
          {kind && (
            <p class="sub">
              {body.details?.stopping ? <StoppingIcon of={body} /> : <Ended of={body} zone={zone} />}
              {body.attempt && body.attempt > 1 && <span>attempt {body.attempt}</span>}
              {body.details?.member && <span>on {body.details.member}</span>}
              {!isStopped(body) && whyFailed(body) && <span>{whyFailed(body)}</span>}
            </p>
          )}
        </div>
        <div class="buttons">
          {body && !isOver(body) && may("create dkronjobs/stop") && <StopButton of={body} onAsked={one.reload} />}
          {body && isOver(body) && !held && may("create dkronjobs/run") && <Again body={body} />}
        </div>
      </header>
      {body && all.data && <Others one={body} all={near} />}
      <Failure query={one} />
      {!body && one.loading && <Loading rows={6} />}
      {body && (
        <div class={isWide ? "grid full" : "grid"}>
          <Panel title="Log" class="log-panel" aside={<Wide is={isWide} set={setWide} />}>
            {kind === "waiting" ? (
              <Empty title={`It waits ${body.details?.local_queue ? placeInWords(body) : "in line"}.`}>
                <p class="muted">Its log begins when its turn has come.</p>
              </Empty>
            ) : (
              <LogView
                key={id}
                execution={body}
                running={kind === "running"}
                allowed={may("get dkronjobs/log")}
                jobZone={zone}
              />
            )}
          </Panel>
          <Panel title="This attempt" class="times">
            <Timing body={body} zone={zone} usual={usualOf(near)} />
          </Panel>
          {attempts.length > 1 && <Attempts attempts={attempts} id={id} />}
        </div>
      )}
    </div>
  );
}

/** The state, and of a run that a user stopped, who did it and when. */
function Ended({ of, zone }: { of: Body; zone: string | undefined }) {
  if (!isStopped(of)) return <StateIcon state={result(of)} word />;
  return <StateIcon state="stopped" word say={inZone(whyFailed(of), now.peek(), shownZone(zone))} />;
}

/** Seconds after which an attempt has to be read again, because no event tells what changes next. */
function soon(body: Body): number | undefined {
  if (result(body) !== "running") return result(body) === "waiting" ? WAITING : undefined;
  return body.details?.stopping ? STOPPING : body.node_name ? undefined : STARTING;
}

/** Go to the first member of a run, once the members exist: until then another id stands for all of them. */
function useMember(job: string, id: string, body: Body | undefined, all: readonly Body[] | undefined): void {
  const [, go] = useLocation();
  const group = useRef(body?.group);
  group.current = body?.group ?? group.current;
  const isGone = !body && group.current !== undefined && all?.every((each) => each.id !== id);
  const member = isGone ? all?.find((each) => each.group === group.current)?.id : undefined;
  useEffect(() => {
    if (member) go(executionPath(job, member), { replace: true });
  }, [job, member, go]);
}

function Wide({ is, set }: { is: boolean; set: (is: boolean) => void }) {
  return (
    <label class="wide-log">
      <input type="checkbox" checked={is} onChange={(event) => set(event.currentTarget.checked)} /> Full width
    </label>
  );
}

/** The runs before and after this one. */
function Others({ one, all }: { one: Body; all: readonly Body[] }) {
  const { before, after, success } = around(one, all);
  const link = (to: Body | undefined, words: string) =>
    to && <Link href={executionPath(to.job_name, to.id)}>{words}</Link>;
  if (!before && !after) return null;
  return (
    <nav class="others" aria-label="Other runs of the job">
      {link(before, "‹ Run before")}
      {link(after, "Run after ›")}
      {result(one) === "failed" && success?.id !== before?.id && link(success, "Last success before")}
    </nav>
  );
}

/** Runs the job once more: for the same slot, and with what was given to a run that a user or a backfill asked for. */
function Again({ body }: { body: Body }) {
  const [asking, setAsking] = useState(false);
  const [, go] = useLocation();
  const { details, job_name: job, id } = body;
  const asGiven = wasAskedFor(details);
  const run = async () => {
    if (asking) return;
    setAsking(true);
    const request = async () => {
      const begun = await runAgain(job, id, details);
      if (begun.execution) go(executionPath(job, begun.execution));
    };
    await attempt(request, `${job} is asked to run again${asGiven ? "" : " for the same slot"}.`);
    setAsking(false);
  };
  const title = asGiven
    ? "Once more, with the values and the slot that this run was given"
    : "Once more, with the slot of this run and the defaults of parameters";
  return (
    <button type="button" aria-disabled={asking} title={title} onClick={run}>
      Run again
    </button>
  );
}

interface TimingProps {
  body: Body;
  zone: string | undefined;
  /** Seconds that executions of the job usually take; undefined where that is not known. */
  usual: number | undefined;
}

function Timing({ body, zone, usual }: TimingProps) {
  const late = lateness(body);
  const wait = queued(body);
  const inLine = waited(body);
  const again = waitsAgain(body);
  const slot = standsFor(body);
  const kind = result(body);
  const running = kind === "running";
  const never = neverBegan(body);
  const { details } = body;
  const trace = traceLink(body);
  return (
    <>
      <Facts
        rows={[
          ["Planned", <When key="p" at={planned(body)} jobZone={zone} />],
          ["Stands for", slot && <When key="s" at={slot} jobZone={zone} />],
          ["Waits since", kind === "waiting" && !again && <When key="w" at={body.queued_at} jobZone={zone} />],
          ["Waits for", kind === "waiting" && !again && <Elapsed key="f" since={sinceOf(body)} />],
          ["Place", placeInWords(body)],
          ["Began", kind !== "waiting" && !never && <When key="b" at={body.started_at} jobZone={zone} />],
          ["Late by", late === undefined ? "" : duration(late)],
          ["Waited in line", inLine === undefined ? "" : duration(inLine)],
          ["Ended", isOver(body) && <When key="e" at={body.finished_at} jobZone={zone} />],
          ["Running for", running && <Expected key="t" since={body.started_at} usual={usual} />],
          ["Took", isOver(body) && !never && tookInWords(taken(body, 0) / 1000, usual)],
          ["Attempt", body.attempt],
          ["Queued for", wait === undefined ? "" : duration(wait)],
          ["Cause", details && [CAUSES[details.trigger], details.cause].filter(Boolean).join(": ")],
          ["Member", details?.member],
          ["Node", body.node_name || (running ? "none yet" : "")],
          [
            "Kubernetes Job",
            details && (
              <>
                <code>{details.job}</code>{" "}
                <Copy
                  text={`kubectl --namespace ${whoami.value?.namespace} logs job/${details.job}`}
                  label="Copy kubectl logs"
                />
              </>
            ),
          ],
          ["Id", <code key="i">{body.id}</code>],
        ]}
      />
      {details?.message && !isStopped(body) && <p class="message">{details.message}</p>}
      {trace && (
        <p class="after">
          <a href={trace} target="_blank" rel="noreferrer">
            Show its trace
          </a>{" "}
          <span class="muted">in another tab</span>
        </p>
      )}
    </>
  );
}

const CAUSES = { schedule: "its schedule", manual: "a request", dependent: "a run before it", backfill: "a backfill" };

function Attempts({ attempts, id }: { attempts: readonly Body[]; id: string }) {
  const members = new Set(attempts.map((each) => each.details?.member ?? ""));
  const title = members.size > 1 ? `This run: ${members.size} members` : "Attempts of this run";
  return (
    <Panel title={title} class="attempts">
      <ol class="rows">
        {attempts.map((each) => (
          <li key={each.id} aria-current={each.id === id ? "true" : undefined}>
            <StateIcon state={isStopped(each) ? "stopped" : result(each)} />
            <Link class="name" href={executionPath(each.job_name, each.id)}>
              {each.details?.member ? `${each.details.member}, ` : ""}attempt {each.attempt}
            </Link>
            <span class="why clip">
              {each.node_name === each.details?.member ? "" : each.node_name} {isStopped(each) ? "" : whyFailed(each)}
            </span>
            <span class="end">{isOver(each) ? duration(taken(each, 0)) : <Elapsed since={sinceOf(each)} />}</span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
