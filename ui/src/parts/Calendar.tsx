// Five weeks of results, a cell for each day: what ended on it, or what is planned.

import { type CalendarDay, calendar, resultsOf } from "../model/calendar";
import { runsPath } from "../model/runs";
import { day } from "../model/time";
import { Mark } from "./Mark";

const DAY = 86_400_000;
const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

interface Props {
  now: number;
  job: string;
}

export function Calendar({ now, job, ...told }: Parameters<typeof calendar>[0] & Props) {
  const weeks = calendar(told, now);
  const today = Math.floor(now / DAY) * DAY;
  return (
    <>
      <table class="calendar" data-chart={WEEKDAYS.length}>
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
                  to={runsPath({ jobs: [job], from: each.at, to: each.at + DAY })}
                  isFirst={each === weeks[0]?.[0]}
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

interface CellProps {
  of: CalendarDay;
  today: boolean;
  to: string;
  isFirst: boolean;
}

function Cell({ of, today, to, isFirst }: CellProps) {
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
      <Mark class="to-day" to={to} words={title} isFirst={isFirst} />
    </td>
  );
}

/** `12k` for what has no room. */
function short(count: number): string {
  return count < 1000 ? String(count) : `${Math.floor(count / 1000)}k`;
}
