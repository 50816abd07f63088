// A week of executions as a table of hours: the darker, the more. Each hour leads to the list of its executions.

import { useState } from "preact/hooks";
import { agendaOf, type Bucket, timelineOf } from "../api/runs";
import { runsPath } from "../model/runs";
import { clockTime, day, rfc3339 } from "../model/time";
import { cellInWords, type Forecast, type HourCell, mostOf, shadeOf, spanOfWeek, weekOf } from "../model/week";
import { now } from "../state/clock";
import { shownZone } from "../state/preferences";
import { useQuery } from "../state/query";
import { Mark } from "./Mark";
import { Failure, Pending } from "./States";

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const HOUR = 3_600_000;
/** Hours between two names of the axis. */
const STEP = 3;
/** Seconds between two reads. */
const [AT_MOST_EVERY, EVERY] = [30, 300];
const NOTHING: Forecast = { due: [], until: 0 };

export function Week() {
  const hour = Math.floor(now.value / HOUR) * HOUR;
  const zone = shownZone();
  const { from, to } = spanOfWeek(hour, zone);
  const ended = useQuery<Bucket[]>(
    `week ${hour} ${from}`,
    (signal) => timelineOf(rfc3339(from), rfc3339(hour + HOUR), "hour", "", signal),
    { concerns: (event) => event.type === "execution", atMostEvery: AT_MOST_EVERY, every: EVERY },
  );
  const coming = useQuery<Forecast>(`agenda ${to}`, (signal) => agendaOf(now.peek(), to, signal), {
    concerns: (event) => event.type === "job" && event.action !== "updated",
    atMostEvery: AT_MOST_EVERY,
    every: EVERY,
  });
  const [pointed, point] = useState<HourCell>();
  if (!ended.data) return ended.error ? <Failure query={ended} /> : <Pending query={ended} />;
  const days = weekOf(ended.data, coming.data ?? NOTHING, now.peek(), zone);
  const most = mostOf(days);
  const words = (cell: HourCell) =>
    `${day(cell.from, zone)} ${clockTime(cell.from, zone).slice(0, 5)}: ${cellInWords(cell, now.peek())}`;
  return (
    <figure class="week-hours" onMouseLeave={() => point(undefined)}>
      <table data-chart={HOURS.length}>
        <caption class="spoken">Executions that ended in each hour of a week, and slots to come</caption>
        <thead>
          <tr>
            <th scope="col">
              <span class="spoken">Day</span>
            </th>
            {HOURS.map((each) => (
              <th key={each} scope="col">
                <span class={each % STEP ? "spoken" : ""}>{String(each).padStart(2, "0")}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {days.map(({ at, cells }, row) => (
            <tr key={at}>
              <th scope="row">{day(at, zone)}</th>
              {cells.map((cell, column) => (
                <td key={column} onMouseEnter={() => point(cell)} onFocusCapture={() => point(cell)}>
                  {cell && (
                    <Mark
                      class={classOf(cell, most)}
                      to={runsPath({ from: cell.from, to: cell.to })}
                      words={words(cell)}
                      title={words(cell)}
                      isFirst={row === 0 && column === 0}
                    />
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <figcaption class="muted">
        {pointed ? words(pointed) : "A bar at the foot: some failed. Hollow: to come."}
      </figcaption>
    </figure>
  );
}

function classOf(cell: HourCell, most: number): string {
  const isAhead = cell.from > now.peek();
  const kind = cell.planned === undefined ? "unknown" : isAhead ? "planned" : "";
  return `shade-${shadeOf(cell, most)} ${kind} ${cell.failed ? "failed" : ""}`;
}
