// How late the runs of the last hour began, and which were the latest.

import { Link } from "wouter-preact";
import type { Summary } from "../api/client";
import type { Query } from "../state/query";
import { LATE_STEPS, lateSteps } from "../text/slots";
import { duration, wholeSeconds } from "../text/time";
import { jobPath } from "./links";
import { Mark } from "./Mark";
import { Facts, Panel } from "./Panel";
import { Empty, Pending } from "./States";
import { When } from "./Time";

/** Seconds from which on a late run is listed, and how many of them are. */
const NOTABLE = 5;
const LISTED = 3;

export function Lateness({ summary }: { summary: Query<Summary> }) {
  const { data } = summary;
  const slots = (data?.last_hour.slots ?? []).filter((each) => each.late_seconds !== undefined);
  const runs = data?.lateness_seconds.runs ?? 0;
  const late = slots.filter((each) => (each.late_seconds ?? 0) > NOTABLE);
  const latest = late.sort((a, b) => (b.late_seconds ?? 0) - (a.late_seconds ?? 0)).slice(0, LISTED);
  return (
    <Panel title="How late runs began" class="lateness" aside={runs > 0 && `${runs} by schedule in the last hour`}>
      {!data && <Pending query={summary} />}
      {data && runs === 0 && <Empty title="No run by schedule within the last hour." />}
      {data && runs > 0 && <Steps slots={slots} of={data.lateness_seconds} />}
      {latest.length > 0 && <h3>The latest</h3>}
      <ul class="rows">
        {latest.map((each) => (
          <li key={`${each.job} ${each.started_at}`}>
            <Mark state="waiting" />
            <Link href={jobPath(each.job)} class="name">
              {each.job}
            </Link>
            <span class="why">{seconds(each.late_seconds)} late</span>
            <span class="end">
              <When at={each.started_at} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Steps({ slots, of }: { slots: Summary["last_hour"]["slots"]; of: Summary["lateness_seconds"] }) {
  const counts = lateSteps(slots);
  const most = Math.max(1, ...counts);
  return (
    <>
      <table class="steps">
        <caption class="spoken">Runs by how late they began</caption>
        <tbody>
          {counts.map((count, index) => (
            <tr key={index}>
              <th scope="row">{stepName(index)}</th>
              <td class="number">{count}</td>
              <td class="bar">
                <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={(100 * count) / most} height={8} />
                </svg>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {of.runs > slots.length && <p class="muted">The bars are of the newest {slots.length}.</p>}
      <Facts
        rows={[
          ["Half within", seconds(of.p50)],
          ["90 % within", seconds(of.p90)],
          ["99 % within", seconds(of.p99)],
          ["The latest by", seconds(of.max)],
        ]}
      />
    </>
  );
}

function seconds(value: number | undefined): string {
  return value === undefined ? "" : duration(value * 1000);
}

function stepName(index: number): string {
  const most = LATE_STEPS[index] ?? 0;
  return Number.isFinite(most) ? `up to ${wholeSeconds(most)}` : `over ${wholeSeconds(LATE_STEPS[index - 1] ?? 0)}`;
}
