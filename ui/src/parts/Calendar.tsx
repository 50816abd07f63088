// Five weeks of results, a cell for each day: what ended on it, or what is planned.

import { Link } from "wouter-preact";
import { type CalendarDay, calendar, resultsOf } from "../model/calendar";
import { day } from "../model/time";

const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

interface Props {
  now: number;
  /** Where the form leads that runs a day again; empty if the reader may not, or the job has no slots. */
  toDay?: (day: string) => string;
}

export function Calendar({ now, toDay, ...told }: Parameters<typeof calendar>[0] & Props) {
  const weeks = calendar(told, now);
  const today = Math.floor(now / 86_400_000) * 86_400_000;
  return (
    <>
      <table class="calendar">
        <caption class="spoken">Runs that ended on each day, in UTC</caption>
        <thead>
          <tr>
            {WEEKDAYS.map((name) => (
              <th key={name} scope="col">
                <span aria-hidden="true">{name.slice(0, 2)}</span>
                <span class="spoken">{name}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.map((week) => (
            <tr key={week[0]?.at}>
              {week.map((each) => (
                <Cell
                  key={each.at}
                  of={each}
                  today={each.at === today}
                  to={each.at <= today ? toDay?.(dateOf(each.at)) : undefined}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="muted legend">
        <span>
          <i class="success" /> succeeded
        </span>
        <span>
          <i class="failed" /> ✕ failed
        </span>
        <span>
          <i class="planned" /> planned
        </span>
        <span>
          <i class="nothing" /> not kept
        </span>
      </p>
    </>
  );
}

function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function Cell({ of, today, to }: { of: CalendarDay; today: boolean; to: string | undefined }) {
  const { at, succeeded, failed, planned, known } = of;
  const kind = failed ? "failed" : succeeded ? "success" : planned ? "planned" : known === "nothing" ? "nothing" : "";
  const title = `${day(at, "UTC")}: ${resultsOf(of)}`;
  return (
    <td class={`${kind} ${today ? "today" : ""}`} title={title} aria-current={today ? "date" : undefined}>
      <span class="date" aria-hidden="true">
        {new Date(at).getUTCDate()}
      </span>
      <span class="counts-of-day" aria-hidden="true">
        {succeeded > 0 && <b>{short(succeeded)}</b>}
        {failed > 0 && <b class="bad">✕{short(failed)}</b>}
      </span>
      <span class="spoken">{title}</span>
      {to && <Link class="to-day" href={to} aria-label={`Backfill ${day(at, "UTC")}`} />}
    </td>
  );
}

/** `12k` for what has no room. */
function short(count: number): string {
  return count < 1000 ? String(count) : `${Math.floor(count / 1000)}k`;
}
