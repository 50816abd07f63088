// Slots of the time that a list of executions is about: those that did not run, with the reason, and those to come.

import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";
import { agendaOf, skippedSlots } from "../api/runs";
import type { RunsFilter } from "../model/runs";
import { endOf } from "../model/span";
import { inZone, rfc3339 } from "../model/time";
import { now } from "../state/clock";
import { shownZone } from "../state/preferences";
import { useQuery } from "../state/query";
import { slotPath } from "./links";
import { Failure } from "./States";
import { When } from "./Time";

/** Rows of each list. */
const MOST = 200;

/** Nothing, unless the list is of a certain time, and of executions of any kind and owner. */
export function BesideRuns({ filter }: { filter: RunsFilter }) {
  const { state, cause, owner, q, at, jobs } = filter;
  const from = filter.from ?? at;
  const to = filter.to ?? (at === undefined ? undefined : endOf(at));
  if (state || cause || owner || q || from === undefined || to === undefined) return null;
  return (
    <>
      {from <= now.peek() && <Skipped from={from} to={to} jobs={jobs} />}
      {to > now.peek() && <Coming from={from} to={to} jobs={jobs} />}
    </>
  );
}

interface Props {
  from: number;
  to: number;
  jobs: readonly string[];
}

function Skipped({ from, to, jobs }: Props) {
  const skipped = useQuery(`skipped ${from} ${to} ${jobs.join(" ")}`, (signal) =>
    skippedSlots(rfc3339(from), rfc3339(to), jobs, signal),
  );
  const count = (skipped.data ?? []).reduce((sum, each) => sum + each.count, 0);
  const zone = shownZone();
  return (
    <>
      <Failure query={skipped} />
      <Slots words={`${count} ${count === 1 ? "slot" : "slots"} did not run`} count={count}>
        {skipped.data?.slice(0, MOST).map((each) => (
          <li key={`${each.job_name} ${each.last}`}>
            <Link class="name" href={slotPath(each.job_name, Date.parse(each.last))}>
              {each.job_name}
            </Link>
            <span class="why">
              {each.count > 1 && `${each.count} slots: `}
              {inZone(each.message || each.reason, now.peek(), zone)}
            </span>
            <span class="end">
              <When at={each.first} />
              {each.count > 1 && (
                <>
                  {" to "}
                  <When at={each.last} />
                </>
              )}
            </span>
          </li>
        ))}
      </Slots>
    </>
  );
}

function Coming({ from, to, jobs }: Props) {
  const begin = Math.max(from, now.peek());
  const coming = useQuery(`coming ${from} ${to}`, (signal) => agendaOf(now.peek(), to, signal), {
    concerns: (event) => event.type === "job" && event.action !== "updated",
    atMostEvery: 10,
    every: 60,
  });
  const { due, slots = [], until = to } = coming.data ?? {};
  const shown = slots.filter(
    (each) => Date.parse(each.due) >= begin && Date.parse(each.due) < to && (!jobs.length || jobs.includes(each.job)),
  );
  const more = due && until < to ? ", and later ones, which are not counted" : "";
  return (
    <>
      <Failure query={coming} />
      <Slots words={`${shown.length} ${shown.length === 1 ? "slot" : "slots"} to come${more}`} count={shown.length}>
        {shown.slice(0, MOST).map((each) => (
          <li key={`${each.job} ${each.due}`}>
            <Link class="name" href={slotPath(each.job, Date.parse(each.due))}>
              {each.job}
            </Link>
            <span class="why" />
            <span class="end">
              <When at={each.due} />
            </span>
          </li>
        ))}
      </Slots>
    </>
  );
}

function Slots({ words, count, children }: { words: string; count: number; children: ComponentChildren }) {
  if (!count) return null;
  return (
    <details class="beside-runs">
      <summary>{words}</summary>
      <ul class="rows">{children}</ul>
      {count > MOST && <p class="muted small-print">The first {MOST} rows are shown.</p>}
    </details>
  );
}
