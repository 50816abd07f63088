// When a job was planned, and when it ran: two lanes on one axis of time.

import { useMemo } from "preact/hooks";
import { api, ask, type Execution } from "../api/client";
import { ticksOf } from "../model/axis";
import { latenessOf } from "../model/percentiles";
import { clockTime, duration } from "../model/time";
import { apart, presentOf, type Run, runsOf, type Slot, slotsInWords, slotsOf, spanOf } from "../model/timing";
import { now } from "../state/clock";
import { shownZone } from "../state/preferences";
import { useQuery } from "../state/query";
import { executionPath, slotPath } from "./links";
import { Mark } from "./Mark";
import { useWidth } from "./useWidth";

const LEFT = 60;
const SLOTS = 12;
const RUNS = 44;
const HEIGHT = 84;
/** Pixels of a run, or of two that overlap. */
const TALL = 16;
/** Pixels for each mark of the axis, which may have a date. */
const PER_TICK = 120;

interface Props {
  job: string;
  zone: string;
  executions: readonly Execution[];
  /** Slots to come. */
  next: readonly string[];
  /** Whether it has slots at all: a job that runs after others, or on request, has none. */
  scheduled: boolean;
}

export function PlannedActual({ job, zone: jobZone, executions, next, scheduled }: Props) {
  const { box, width } = useWidth<HTMLElement>();
  const at = useMemo(() => presentOf(executions, now.peek()), [executions, next]);
  const span = spanOf(executions, next, at);
  const from = span && new Date(span.since - 1000).toISOString();
  const path = { job_name: job };
  const explained = useQuery(from && scheduled ? `timing ${job} ${from} ${executions[0]?.id}` : null, (signal) =>
    ask(api.GET("/v1/jobs/{job_name}/explain", { params: { path, query: { from, to: "now" } }, signal })),
  );
  if (!span) return null;
  const x = (time: number) => LEFT + ((time - span.from) / (span.to - span.from)) * Math.max(0, width - LEFT);
  const zone = shownZone(jobZone);
  const slots = slotsOf(explained.data, next, span.to);
  const runs = runsOf(executions, at);
  const shownSlots = apart(slots, x);
  const late = scheduled ? latenessOf(executions) : undefined;
  const words = [scheduled ? slotsInWords(slots) : "", late ? lateInWords(late.p50, late.p99) : ""]
    .filter(Boolean)
    .join("; ");
  const most = Math.max(1, Math.floor((width - LEFT) / PER_TICK));
  return (
    <figure class="timing" ref={box}>
      <svg width={width} height={HEIGHT} role="group" aria-label={`Planned beside actual: ${words}`} data-chart>
        <text class="lane" x={0} y={SLOTS + 9}>
          {scheduled ? "planned" : "caused"}
        </text>
        <text class="lane" x={0} y={RUNS + 9}>
          actual
        </text>
        <path class="axis" d={`M${LEFT} ${SLOTS + 18}H${width}M${LEFT} ${RUNS + 18}H${width}`} />
        {ticksOf(span.from, span.to, most, at, zone).map(({ at: time, label }) => (
          <g key={time}>
            <path class="axis" d={`M${x(time)} ${RUNS + 18}v4`} />
            <text class="tick" x={within(x(time), label, width)} y={HEIGHT - 4}>
              {label}
            </text>
          </g>
        ))}
        {shownSlots.map((slot) => (
          <SlotMark
            key={`${slot.at} ${slot.what}`}
            {...{ job, slot, zone }}
            x={x(slot.at)}
            isFirst={slot === shownSlots[0]}
          />
        ))}
        {runs.map((run, index) => (
          <RunBar
            key={run.id}
            {...{ job, run, x, width, zone }}
            isOne={!overlap(runs)}
            isFirst={index === 0 && shownSlots.length === 0}
          />
        ))}
        <path class="now" d={`M${x(at)} 4V${HEIGHT - 20}`} />
      </svg>
      <figcaption class="muted sentence">{words}</figcaption>
    </figure>
  );
}

function overlap(runs: readonly Run[]): boolean {
  return runs.some((run) => run.lane === 1);
}

/** Where the middle of a label is, so that all of it is in the picture. A letter has some six pixels. */
function within(x: number, label: string, width: number): number {
  const half = label.length * 3.2;
  return Math.max(half, Math.min(width - half, x));
}

function lateInWords(p50: number, p99: number): string {
  return `median ${duration(p50)} late${p99 > p50 ? `, 99 % within ${duration(p99)}` : ""}`;
}

interface BarProps {
  job: string;
  run: Run;
  x: (time: number) => number;
  width: number;
  zone: string | undefined;
  /** Whether it has the room of both lanes: no two runs overlap. */
  isOne: boolean;
  isFirst: boolean;
}

function RunBar({ job, run, x, width: most, zone, isOne, isFirst }: BarProps) {
  const begin = Math.max(LEFT, x(run.began));
  const width = Math.max(4, Math.min(most, x(run.ended)) - begin);
  const height = isOne ? TALL : TALL / 2 - 1;
  const y = RUNS + run.lane * (TALL / 2);
  const late = run.planned === undefined ? "" : `, ${duration(Math.max(0, run.began - run.planned))} late`;
  const words = `${clockTime(run.began, zone)}: ${run.result}, ${duration(run.ended - run.began)}${late}`;
  return (
    <Mark class={run.result} to={executionPath(job, run.id)} words={words} isFirst={isFirst}>
      <title>{words}</title>
      {run.planned !== undefined && (
        <path class="delay" d={`M${Math.max(LEFT, x(run.planned))} ${SLOTS + 15}L${begin + 1} ${y - 1}`} />
      )}
      <rect x={begin} y={y} width={width} height={height} rx={1} />
      {run.result === "failed" && <path class="notch" d={`M${begin - 1} ${y + height / 2}h${width + 2}`} />}
      <rect class="catch" x={begin} y={RUNS + (isOne ? 0 : run.lane * (TALL / 2))} width={width} height={height} />
    </Mark>
  );
}

interface SlotProps {
  job: string;
  slot: Slot;
  x: number;
  zone: string | undefined;
  isFirst: boolean;
}

/** Filled: it ran. Hollow: it is to come, or waits. Struck through: it did not run, which is
 * no failure. Each leads to why. */
function SlotMark({ job, slot, x, zone, isFirst }: SlotProps) {
  const kind =
    slot.what === "ran" ? "ran" : ["to come", "late", "waiting", "paused"].includes(slot.what) ? "ahead" : "missed";
  const words = `${clockTime(slot.at, zone)}: ${slot.what}${slot.why && `, ${slot.why}`}`;
  return (
    <Mark class={`slot ${kind}`} to={slotPath(job, slot.at)} words={words} isFirst={isFirst}>
      <title>{words}</title>
      <rect x={x - 4} y={SLOTS + 3} width={8} height={8} rx={1} />
      {kind === "missed" && <path d={`M${x - 5} ${SLOTS + 12}l10 -10`} />}
      <rect class="catch" x={x - 5} y={SLOTS + 2} width={10} height={10} />
    </Mark>
  );
}
