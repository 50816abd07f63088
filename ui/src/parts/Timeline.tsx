// An hour back and an hour ahead, minute by minute: a cell for each run and slot, or a column where there are many.

import { useState } from "preact/hooks";
import type { Summary } from "../api/client";
import { clockTime } from "../model/time";
import {
  type Column,
  columnsOf,
  countsInWords,
  KINDS,
  keptFrom,
  MINUTES,
  sizeOf,
  unknownFrom,
} from "../model/timeline";
import { shownZone } from "../state/preferences";
import { MinuteList } from "./MinuteList";
import { useWidth } from "./useWidth";

/** Pixels of a cell, and of the tallest column. */
const CELL = 9;
const TALLEST = 7 * CELL;
const GROUND = TALLEST + 4;
const HEIGHT = GROUND + 18;
const MINUTE = 60_000;
const TICKS = [-60, -45, -30, -15, 0, 15, 30, 45];

interface Props {
  /** Undefined until it is read. */
  summary: Summary | undefined;
  /** Milliseconds since 1970; it moves by minutes, so that the picture is not drawn again each second. */
  now: number;
}

export function Timeline({ summary, now }: Props) {
  const { box, width } = useWidth<HTMLDivElement>();
  const [chosen, choose] = useState<number>();
  const step = width / (2 * MINUTES);
  const x = (minute: number) => (minute + MINUTES) * step;
  const columns = summary ? columnsOf(summary, now) : [];
  const unit = Math.min(CELL, TALLEST / Math.max(1, ...columns.map(sizeOf)));
  const beyond = summary && unknownFrom(summary, now);
  const kept = summary && keptFrom(summary, now);
  const zone = shownZone();
  const runs = summary?.last_hour.runs ?? 0;
  const slots = summary?.next_hour.minutes.reduce((sum, each) => sum + each.slots, 0) ?? 0;
  const words = `the last hour with ${runs} runs, the next hour with ${slots}${beyond === undefined ? "" : " or more"} slots`;
  return (
    <div class="timeline" ref={box}>
      <svg width={width} height={HEIGHT} role="group" aria-label={words}>
        <rect class="ahead" x={x(0)} y={0} width={width - x(0)} height={GROUND} />
        {TICKS.map((minute) => (
          <g key={minute} class="tick">
            <path d={`M${x(minute)} 0v${GROUND}`} />
            <text x={x(minute) + 4} y={HEIGHT - 4}>
              {minute === 0 ? "now" : clockTime(now + minute * MINUTE, zone).slice(0, 5)}
            </text>
          </g>
        ))}
        {kept !== undefined && <Gone x={0} width={Math.max(0, x(kept))} />}
        {columns.map((column) => (
          <Stack
            key={column.minute}
            column={column}
            x={x(column.minute)}
            step={step}
            unit={unit}
            isChosen={chosen === now + column.minute * MINUTE}
            isFirst={column === columns[0]}
            onChoose={() => choose(now + column.minute * MINUTE)}
          >
            {`${clockTime(now + column.minute * MINUTE, zone).slice(0, 5)}: ${countsInWords(column.counts)}`}
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
      {summary && chosen !== undefined && (
        <MinuteList
          summary={summary}
          at={chosen}
          column={columns.find((each) => now + each.minute * MINUTE === chosen)}
          onClose={() => choose(undefined)}
        />
      )}
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
  isChosen: boolean;
  isFirst: boolean;
  onChoose: () => void;
  children: string;
}

/** Failures are at the foot, where every column has them at the same height. */
function Stack({ column, x, step, unit, isChosen, isFirst, onChoose, children }: StackProps) {
  let foot = GROUND - 2;
  const gap = step > 4 ? 1 : 0;
  return (
    <g
      role="button"
      class={isChosen ? "minute chosen" : "minute"}
      aria-label={children}
      aria-pressed={isChosen}
      tabIndex={isFirst ? 0 : -1}
      onClick={onChoose}
      onKeyDown={(event) => byKey(event, onChoose)}
    >
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
    </g>
  );
}

/** Enter and space choose a minute; the arrows go to the next one that has any. */
function byKey(event: KeyboardEvent, onChoose: () => void): void {
  const here = event.currentTarget as SVGElement;
  const to = { ArrowLeft: here.previousElementSibling, ArrowRight: here.nextElementSibling }[event.key];
  if (event.key === "Enter" || event.key === " ") onChoose();
  else if (to instanceof SVGElement && to.matches(".minute")) to.focus();
  else return;
  event.preventDefault();
}
