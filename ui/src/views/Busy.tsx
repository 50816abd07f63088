// Everything that runs, the longest first.

import { Link } from "wouter-preact";
import { api, ask } from "../api/client";
import { busy } from "../api/jobs";
import { Expected } from "../parts/Expected";
import { executionPath, jobPath } from "../parts/links";
import { StateIcon } from "../parts/StateIcon";
import { Empty, Failure, Loading } from "../parts/States";
import { StopButton } from "../parts/Stop";
import { type Column, Table } from "../parts/Table";
import { When } from "../parts/Time";
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

export function Busy() {
  useTitle("Busy");
  const running = useQuery("busy", busy, { concerns: (event) => event.type === "execution", every: 60 });
  const { data } = running;
  const summary = useQuery("usual", (signal) => ask(api.GET("/v1/summary", { signal })), {
    concerns: (event) => event.type === "execution",
    atMostEvery: 10,
  });
  // The overview knows how long the oldest of them usually take.
  const usual = new Map(summary.data?.running.executions.map((each) => [each.id, each.usual_seconds]));
  return (
    <div class="busy">
      <header class="head">
        <h1>Busy</h1>
        <span class="muted count" role="status">
          {data ? `${data.length} ${data.length === 1 ? "execution runs" : "executions run"}` : ""}
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
    </div>
  );
}
