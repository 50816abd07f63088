// When a job was planned, and when it ran: two lanes on one axis of time.

import { useEffect, useMemo, useRef } from "preact/hooks";
import { api, ask, type Execution } from "../api/client";
import { now } from "../state/clock";
import { shownZone } from "../state/preferences";
import { useQuery } from "../state/query";
import { latenessOf } from "../text/percentiles";
import { clockTime, day, duration } from "../text/time";
import { apart, runsOf, type Slot, slotsInWords, slotsOf, spanOf } from "../text/timing";

const WIDTH = 900;
const LEFT = 60;
const SLOTS = 12;
const RUNS = 44;
const HEIGHT = 84;

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
  const at = useMemo(() => now.peek(), [executions, next]);
  const span = spanOf(executions, next, at);
  const from = span && new Date(span.since - 1000).toISOString();
  const path = { job_name: job };
  const explained = useQuery(from && scheduled ? `timing ${job} ${from} ${executions[0]?.id}` : null, (signal) =>
    ask(api.GET("/v1/jobs/{job_name}/explain", { params: { path, query: { from, to: "now" } }, signal })),
  );
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // On a phone the newest runs are what is seen first.
    if (box.current) box.current.scrollLeft = box.current.scrollWidth;
  }, [span === undefined]);
  if (!span) return null;
  const x = (time: number) => LEFT + ((time - span.from) / (span.to - span.from)) * (WIDTH - LEFT);
  const zone = shownZone(jobZone);
  const slots = slotsOf(explained.data, next, span.to);
  const runs = runsOf(executions, at);
  const late = latenessOf(executions);
  const long = span.to - span.from > 2 * 86_400_000;
  const ticks = Array.from({ length: 5 }, (_, index) => span.from + ((index + 0.5) / 5) * (span.to - span.from));
  const words = [
    scheduled ? slotsInWords(slots) : "",
    late ? `half began ${duration(late.p50)} late at most, 99 % ${duration(late.p99)}` : "",
  ]
    .filter(Boolean)
    .join("; ");
  return (
    <figure class="timing">
      <div class="scroll" ref={box}>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Planned beside actual: ${words}`}>
          <text class="lane" x={0} y={SLOTS + 9}>
            {scheduled ? "planned" : "caused"}
          </text>
          <text class="lane" x={0} y={RUNS + 9}>
            actual
          </text>
          <path class="axis" d={`M${LEFT} ${SLOTS + 18}H${WIDTH}M${LEFT} ${RUNS + 18}H${WIDTH}`} />
          {ticks.map((time) => (
            <text key={time} class="tick" x={x(time)} y={HEIGHT - 4}>
              {long ? day(time, zone) : clockTime(time, zone).slice(0, 5)}
            </text>
          ))}
          {apart(slots, x).map((slot) => (
            <SlotMark key={`${slot.at} ${slot.what}`} slot={slot} x={x(slot.at)} zone={zone} />
          ))}
          {runs.map((run) => {
            const begin = Math.max(LEFT, x(run.began));
            const width = Math.max(4, Math.min(WIDTH, x(run.ended)) - begin);
            return (
              <g key={run.began} class={run.result}>
                <title>
                  {`${clockTime(run.began, zone)}: ${run.result}, ${duration(run.ended - run.began)}`}
                  {run.planned === undefined ? "" : `, ${duration(Math.max(0, run.began - run.planned))} late`}
                </title>
                {run.planned !== undefined && (
                  <path class="delay" d={`M${Math.max(LEFT, x(run.planned))} ${SLOTS + 15}L${begin + 1} ${RUNS - 1}`} />
                )}
                <rect x={begin} y={RUNS} width={width} height={16} rx={1} />
                {run.result === "failed" && <path class="notch" d={`M${begin - 1} ${RUNS + 8}h${width + 2}`} />}
              </g>
            );
          })}
          <path class="now" d={`M${x(at)} 4V${HEIGHT - 20}`} />
        </svg>
      </div>
      <figcaption class="muted sentence">{words}</figcaption>
    </figure>
  );
}

/** Filled: it ran. Hollow: it is to come, or waits. Crossed: it did not run. */
function SlotMark({ slot, x, zone }: { slot: Slot; x: number; zone: string | undefined }) {
  const kind = slot.what === "ran" ? "ran" : ["to come", "late", "paused"].includes(slot.what) ? "ahead" : "missed";
  return (
    <g class={`slot ${kind}`}>
      <title>{`${clockTime(slot.at, zone)}: ${slot.what}${slot.why && `, ${slot.why}`}`}</title>
      <rect x={x - 4} y={SLOTS + 3} width={8} height={8} rx={1} />
      {kind === "missed" && <path d={`M${x - 6} ${SLOTS + 1}l12 12m0 -12l-12 12`} />}
    </g>
  );
}
