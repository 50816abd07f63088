// An hour back and an hour ahead, minute by minute: a cell for each run and slot, or a column where there are many.

import type { Summary } from "../api/client";
import type { Bucket } from "../api/runs";
import { ticksOf } from "../model/axis";
import { clockTime } from "../model/time";
import {
  type Column,
  columnsOf,
  countsInWords,
  KINDS,
  keptFrom,
  MINUTES,
  pathOf,
  sizeOf,
  unknownFrom,
} from "../model/timeline";
import { shownZone } from "../state/preferences";
import { Mark } from "./Mark";
import { useWidth } from "./useWidth";

/** Pixels of a cell, and of the tallest column. */
const CELL = 9;
const TALLEST = 7 * CELL;
const GROUND = TALLEST + 4;
const HEIGHT = GROUND + 18;
const MINUTE = 60_000;
/** Pixels for each mark of the axis, and for the name of one. */
const PER_TICK = 90;
const NAME = 44;

interface Props {
  /** Undefined until it is read. */
  summary: Summary | undefined;
  /** What ended, by minute; undefined until it is read. */
  ended: readonly Bucket[] | undefined;
  /** Milliseconds since 1970; it moves by minutes, so that the picture is not drawn again each second. */
  now: number;
}

export function Timeline({ summary, ended, now }: Props) {
  const { box, width } = useWidth<HTMLDivElement>();
  const step = width / (2 * MINUTES);
  const x = (minute: number) => (minute + MINUTES) * step;
  const columns = summary && ended ? columnsOf(summary, ended, now) : [];
  const unit = Math.min(CELL, TALLEST / Math.max(1, ...columns.map(sizeOf)));
  const beyond = summary && unknownFrom(summary, now);
  const kept = summary && keptFrom(summary, now);
  const zone = shownZone();
  const runs = columns.reduce((sum, { counts }) => sum + counts.success + counts.failed, 0);
  const most = Math.max(2, Math.floor(width / PER_TICK));
  const ticks = ticksOf(now - MINUTES * MINUTE, now + MINUTES * MINUTE, most, now, zone);
  const slots = summary?.next_hour.minutes.reduce((sum, each) => sum + each.slots, 0) ?? 0;
  const words = `the last hour with ${runs} executions, the next hour with ${slots}${beyond === undefined ? "" : " or more"} slots`;
  return (
    <div class="timeline" ref={box} data-chart>
      <svg width={width} height={HEIGHT} role="group" aria-label={words}>
        <rect class="ahead" x={x(0)} y={0} width={width - x(0)} height={GROUND} />
        {ticks.map(({ at, label }) => {
          const place = x((at - now) / MINUTE);
          // The name of now has its room.
          const isNamed = place < width - NAME && Math.abs(place - x(0)) > NAME;
          return (
            <g key={at} class="tick">
              <path d={`M${place} 0v${GROUND}`} />
              {isNamed && (
                <text x={place + 4} y={HEIGHT - 4}>
                  {label}
                </text>
              )}
            </g>
          );
        })}
        <g class="tick">
          <text x={x(0) + 4} y={HEIGHT - 4}>
            now
          </text>
        </g>
        {kept !== undefined && <Gone x={0} width={Math.max(0, x(kept))} />}
        {columns.map((column) => (
          <Stack
            key={column.minute}
            column={column}
            x={x(column.minute)}
            step={step}
            unit={unit}
            isFirst={column === columns[0]}
            to={pathOf(column, now)}
          >
            {`${clockTime(now + column.minute * MINUTE, zone).slice(0, 5)}: ${countsInWords(column)}`}
          </Stack>
        ))}
        {beyond !== undefined && (
          <g class="beyond">
            <rect x={x(beyond)} y={0} width={Math.max(0, width - x(beyond))} height={GROUND} />
          </g>
        )}
        <path class="now" d={`M${x(0)} 0v${GROUND}`} />
      </svg>
      {kept !== undefined && <p class="muted small-print">Hatched: not all runs of then are kept.</p>}
      {beyond !== undefined && <p class="muted small-print">Later slots are more than are counted.</p>}
    </div>
  );
}

/** Minutes of which a job that runs often keeps no runs any more. */
function Gone({ x, width }: { x: number; width: number }) {
  return (
    <g class="gone">
      <title>Not all runs of these minutes are kept.</title>
      <pattern id="gone" width={8} height={8} patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <path d="M0 0v8" />
      </pattern>
      <rect x={x} y={0} width={width} height={GROUND} fill="url(#gone)" />
    </g>
  );
}

interface StackProps {
  column: Column;
  x: number;
  step: number;
  /** Pixels of one run or slot. */
  unit: number;
  isFirst: boolean;
  /** The list of what is in it. */
  to: string;
  children: string;
}

/** Failures are at the foot, where every column has them at the same height. */
function Stack({ column, x, step, unit, isFirst, to, children }: StackProps) {
  let foot = GROUND - 2;
  const gap = step > 4 ? 1 : 0;
  return (
    <Mark class="minute" to={to} words={children} isFirst={isFirst}>
      <title>{[children, ...column.jobs].join("\n")}</title>
      {KINDS.map((kind) => {
        const count = column.counts[kind];
        const cells = unit === CELL ? count : Math.min(1, count);
        const height = (unit * count) / Math.max(1, cells);
        return Array.from({ length: cells }, (_, index) => {
          foot -= height;
          const tall = Math.max(1, unit === CELL ? height - 2 : height - gap);
          return (
            <g key={`${kind} ${index}`} class={kind}>
              <rect
                x={x + gap}
                y={foot}
                width={Math.max(1, step - 2 * gap)}
                height={tall}
                rx={kind === "failed" ? 0 : gap}
              />
            </g>
          );
        });
      })}
      <rect class="catch" x={x} y={0} width={step} height={GROUND} />
    </Mark>
  );
}
