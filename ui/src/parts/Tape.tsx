// An hour back and an hour ahead, minute by minute: a cell for each slot, filled once it ran.

import { shownZone } from "../state/preferences";
import type { Result } from "../text/slots";
import { clockTime } from "../text/time";

export interface Cell {
  at: number;
  job: string;
  result: Result | "planned";
}

const MINUTES = 60;
const STEP = 10;
const TALL = 7;
const CELL = 9;
const WIDTH = 2 * MINUTES * STEP;
const HEIGHT = TALL * CELL + 22;
const MINUTE = 60_000;

const URGENCY: Cell["result"][] = ["failed", "running", "success", "planned"];

/** The cells of each minute, failures first. Minutes count from -60 to 59. */
export function byMinute(cells: readonly Cell[], now: number): Map<number, Cell[]> {
  const found = new Map<number, Cell[]>();
  for (const cell of cells) {
    const minute = Math.floor((cell.at - now) / MINUTE);
    if (minute < -MINUTES || minute >= MINUTES) continue;
    const column = found.get(minute);
    if (column) column.push(cell);
    else found.set(minute, [cell]);
  }
  for (const column of found.values()) {
    column.sort((a, b) => URGENCY.indexOf(a.result) - URGENCY.indexOf(b.result) || a.at - b.at);
  }
  return found;
}

interface Props {
  cells: readonly Cell[];
  /** Milliseconds since 1970; it moves by minutes, so that the tape is not drawn anew each second. */
  now: number;
  /** Where lists that were cut begin and end, in milliseconds since 1970: what is beyond is not known. */
  from?: number;
  to?: number;
}

export function Tape({ cells, now, from, to }: Props) {
  const begin = Math.max(0, from === undefined ? 0 : x((from - now) / MINUTE));
  const end = Math.min(WIDTH, to === undefined ? WIDTH : x((to - now) / MINUTE + 1));
  const columns = byMinute(cells, now);
  const zone = shownZone();
  const past = cells.filter((cell) => cell.result !== "planned").length;
  const hours = [-60, -45, -30, -15, 0, 15, 30, 45];
  return (
    <div class="tape">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img">
        <title>{`the last hour with ${past} runs, the next hour with ${cells.length - past} planned slots`}</title>
        <rect class="ahead" x={WIDTH / 2} y={0} width={WIDTH / 2} height={HEIGHT - 18} />
        {hours.map((minute) => (
          <g key={minute} class="tick">
            <path d={`M${x(minute)} 0v${HEIGHT - 18}`} />
            <text x={x(minute) + 4} y={HEIGHT - 4}>
              {minute === 0 ? "now" : clockTime(now + minute * MINUTE, zone).slice(0, 5)}
            </text>
          </g>
        ))}
        {[...columns].map(([minute, column]) =>
          column.slice(0, TALL).map((cell, row) => {
            const more = row === TALL - 1 && column.length > TALL ? column.length - row : 0;
            return (
              <g key={`${minute} ${row}`} class={`cell ${more ? "more" : cell.result}`}>
                <title>{more ? `${more} more` : `${cell.job} at ${clockTime(cell.at, zone)}: ${cell.result}`}</title>
                <rect
                  x={x(minute) + 1}
                  y={HEIGHT - 20 - (row + 1) * CELL}
                  width={STEP - 2}
                  height={CELL - 2}
                  rx={1.5}
                />
              </g>
            );
          }),
        )}
        <Beyond at={0} width={begin} />
        <Beyond at={end} width={WIDTH - end} />
        <path class="now" d={`M${WIDTH / 2} 0v${HEIGHT - 18}`} />
      </svg>
    </div>
  );
}

function x(minute: number): number {
  return (minute + MINUTES) * STEP;
}

/** A part of the tape of which the lists tell nothing. */
function Beyond({ at, width }: { at: number; width: number }) {
  if (width <= 0) return null;
  return (
    <g class="beyond">
      <rect x={at} y={0} width={width} height={HEIGHT - 18} />
      {width > 200 && (
        <text x={at + width / 2} y={(HEIGHT - 12) / 2}>
          more than are listed
        </text>
      )}
    </g>
  );
}
