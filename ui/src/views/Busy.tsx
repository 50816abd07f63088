// Everything that runs, the longest first, and what waits in line.

import { Link } from "wouter-preact";
import { api, ask, type Execution } from "../api/client";
import { busy } from "../api/jobs";
import { listRuns } from "../api/runs";
import { placeInWords } from "../model/queue";
import { runsPath } from "../model/runs";
import { sinceOf } from "../model/slots";
import { Expected } from "../parts/Expected";
import { executionPath, jobPath } from "../parts/links";
import { StateIcon } from "../parts/StateIcon";
import { Empty, Failure, Loading } from "../parts/States";
import { StopButton } from "../parts/Stop";
import { type Column, Table } from "../parts/Table";
import { Elapsed, When } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { useQuery } from "../state/query";
import { may } from "../state/session";

const COLUMNS: readonly Column[] = [
  { title: "Job" },
  { title: "Runs for" },
  { title: "Began", kind: "medium" },
  { title: "Attempt", kind: "number medium" },
  { title: "Node", kind: "medium" },
  { title: "Actions", spoken: true },
];

const WAITS = "waits for a node";
/** More rows than these help no reader, and make a page slow. */
const MOST = 500;

const LINE: readonly Column[] = [
  { title: "Job" },
  { title: "Place" },
  { title: "Waits for" },
  { title: "Since", kind: "medium" },
  { title: "Actions", spoken: true },
];

const inLine = (signal: AbortSignal) => listRuns({ state: "waiting" }, "", signal);

/** The runs that wait for their turn. */
function Line({ waiting, more }: { waiting: readonly Execution[]; more: boolean }) {
  return (
    <>
      <h2>In line</h2>
      <Table caption="Executions that wait in line, the oldest first" columns={LINE}>
        {waiting.map((each) => (
          <tr key={each.id}>
            <th scope="row" class="name">
              <StateIcon state="waiting" /> <Link href={jobPath(each.job_name)}>{each.job_name}</Link>
            </th>
            <td class="nowrap">
              <Link href={executionPath(each.job_name, each.id)}>{placeInWords(each) || "in line"}</Link>
            </td>
            <td class="nowrap">
              <Elapsed since={sinceOf(each)} />
            </td>
            <td class="medium nowrap">
              <When at={sinceOf(each)} />
            </td>
            <td class="actions">{may("create dkronjobs/stop") && <StopButton of={each} class="quiet" />}</td>
          </tr>
        ))}
      </Table>
      {more && (
        <p class="note">
          The newest {waiting.length} are shown. <Link href={runsPath({ state: "waiting" })}>All that wait</Link>
        </p>
      )}
    </>
  );
}

export function Busy() {
  useTitle("Busy");
  const running = useQuery("busy", busy, { concerns: (event) => event.type === "execution", every: 60 });
  const { data } = running;
  const summary = useQuery("usual", (signal) => ask(api.GET("/v1/summary", { signal })), {
    concerns: (event) => event.type === "execution",
    atMostEvery: 10,
  });
  const line = useQuery("line", inLine, { concerns: (event) => event.type === "execution", every: 60 });
  // The API lists the newest first.
  const waiting = [...(line.data?.items ?? [])].reverse();
  // The overview knows how long the oldest of them usually take.
  const usual = new Map(summary.data?.running.executions.map((each) => [each.id, each.usual_seconds]));
  return (
    <div class="busy">
      <header class="head">
        <h1>Busy</h1>
        <span class="muted count" role="status">
          {data ? `${data.length} ${data.length === 1 ? "execution runs" : "executions run"}` : ""}
          {waiting.length > 0 && `, ${waiting.length}${line.data?.after ? " and more" : ""} in line`}
        </span>
      </header>
      <Failure query={running} />
      {!data && running.loading && <Loading rows={8} />}
      {data?.length === 0 && (
        <Empty title="Nothing runs at the moment.">
          <p class="muted">
            What starts appears here at once. <Link href="/">Overview</Link> says what comes next.
          </p>
        </Empty>
      )}
      {data && data.length > 0 && (
        <Table caption="Running executions, the oldest first" columns={COLUMNS}>
          {data.slice(0, MOST).map((each) => (
            <tr key={each.id}>
              <th scope="row" class="name">
                <StateIcon state="running" /> <Link href={jobPath(each.job_name)}>{each.job_name}</Link>
                <span class="sub muted small">{each.node_name || WAITS}</span>
              </th>
              <td class="nowrap">
                <Expected since={each.started_at} usual={usual.get(each.id)} />
              </td>
              <td class="medium nowrap">
                <When at={each.started_at} />
              </td>
              <td class="number medium">{each.attempt}</td>
              <td class="clip medium">{each.node_name || WAITS}</td>
              <td class="actions">
                <Link
                  class="button quiet"
                  href={executionPath(each.job_name, each.id)}
                  aria-label={`Log of ${each.job_name}`}
                >
                  Log
                </Link>
                {may("create dkronjobs/stop") && <StopButton of={each} class="quiet" />}
              </td>
            </tr>
          ))}
        </Table>
      )}
      {data && data.length > MOST && (
        <p class="note">
          The first {MOST} of {data.length} are shown.
        </p>
      )}
      <Failure query={line} />
      {waiting.length > 0 && <Line waiting={waiting} more={Boolean(line.data?.after)} />}
    </div>
  );
}
