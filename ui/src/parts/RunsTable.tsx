// The runs that a job keeps: planned beside actual, how long they took, and a row for each.

import { Link } from "wouter-preact";
import type { Execution, Job } from "../api/client";
import { inOrder } from "../model/ansi";
import { durationsOf, inWords } from "../model/percentiles";
import { placeInWords, waited } from "../model/queue";
import {
  isOver,
  isStopped,
  lastLine,
  lateness,
  neverBegan,
  planned,
  result,
  sinceOf,
  standsFor,
  taken,
  waitsAgain,
  whyFailed,
} from "../model/slots";
import { duration, instant, inZone, onSeveralDays } from "../model/time";
import { now } from "../state/clock";
import { shownZone } from "../state/preferences";
import { whyNever } from "./Due";
import { DurationsPlot } from "./DurationsPlot";
import { executionPath } from "./links";
import { PlannedActual } from "./PlannedActual";
import { StateIcon } from "./StateIcon";
import { Empty } from "./States";
import { type Column, Table } from "./Table";
import { Elapsed, When } from "./Time";

const COLUMNS: readonly Column[] = [
  { title: "Result" },
  { title: "Planned" },
  { title: "Began", kind: "medium" },
  { title: "Took", kind: "number medium" },
  { title: "Attempt", kind: "number medium" },
  { title: "Node", kind: "medium" },
  { title: "Output", kind: "wide" },
];

interface Props {
  runs: readonly Execution[];
  job: Job;
  /** Slots to come. */
  next: readonly string[];
  isPaused: boolean;
}

export function Runs({ runs, job, next, isPaused }: Props) {
  if (!runs.length) {
    return (
      <Empty title="It has not run yet.">
        <p class="muted">{firstRun(job, isPaused)}</p>
      </Empty>
    );
  }
  const lengths = durationsOf(runs);
  const hasDays = onSeveralDays(
    runs.map((run) => planned(run) ?? instant(run.started_at)),
    shownZone(job.timezone),
  );
  return (
    <>
      <PlannedActual
        job={job.name}
        zone={job.timezone}
        executions={runs}
        next={next}
        scheduled={job.schedule !== "" && !job.parent_job}
      />
      <DurationsPlot executions={runs} lengths={lengths} />
      {lengths && (
        <p class="muted sentence percentiles">
          {inWords(lengths)} ({lengths.count} attempts)
        </p>
      )}
      <Table caption={`Runs of ${job.name}, the newest first`} columns={COLUMNS}>
        {runs.map((run) => (
          <RunRow key={run.id} run={run} zone={job.timezone} dated={hasDays} />
        ))}
      </Table>
    </>
  );
}

export function firstRun(job: Pick<Job, "next" | "disabled" | "parent_job" | "problem">, isPaused: boolean): string {
  if (job.problem) return "It cannot, as the note above says.";
  if (instant(job.next) !== undefined) return "Its first run comes with its next slot.";
  if (job.disabled) return "It is disabled.";
  return isPaused ? "It is paused." : `It runs ${whyNever(job, false)}.`;
}

interface RowProps {
  run: Execution;
  zone: string;
  /** Whether rows of other days are beside it. */
  dated: boolean;
}

const CAUSES: Readonly<Record<string, string>> = { backfill: "backfill", manual: "on request" };

function RunRow({ run, zone, dated }: RowProps) {
  const kind = result(run);
  const late = lateness(run);
  const stands = standsFor(run);
  const wait = waited(run);
  const why = inZone(whyFailed(run), now.peek(), shownZone(zone));
  const output = inOrder(isStopped(run) ? why : lastLine(run) || why);
  const never = neverBegan(run);
  const took = never ? "" : isOver(run) ? duration(taken(run, 0)) : <Elapsed since={sinceOf(run)} />;
  return (
    <tr>
      <th scope="row" class="nowrap">
        <Link href={executionPath(run.job_name, run.id)}>
          <StateIcon state={isStopped(run) ? "stopped" : kind} word />
          <span class="spoken">
            : <When at={planned(run)} jobZone={zone} />
          </span>
        </Link>
      </th>
      <td class="nowrap">
        <When at={planned(run)} jobZone={zone} dated={dated} />
        <span class="small muted">
          {never ? "never began" : waitsAgain(run) ? "waits again" : kind === "waiting" ? "waits for" : "took"} {took}
        </span>
        <span class="small muted mono clip">{output}</span>
      </td>
      <td class="nowrap medium">
        {stands !== undefined ? (
          <>
            for <When at={stands} jobZone={zone} dated />, {CAUSES[run.details?.trigger ?? ""]}
          </>
        ) : kind === "waiting" ? (
          placeInWords(run)
        ) : never ? (
          "never began"
        ) : late === undefined ? (
          <When at={run.started_at} jobZone={zone} />
        ) : late < 1000 ? (
          "on time"
        ) : (
          `+ ${duration(late)}`
        )}
        {wait !== undefined && `, waited ${duration(wait)}`}
      </td>
      <td class="number nowrap medium">{took}</td>
      <td class="number medium">{run.attempt}</td>
      <td class="medium clip">{run.node_name}</td>
      <td class="wide mono clip output" title={why}>
        {output}
      </td>
    </tr>
  );
}
