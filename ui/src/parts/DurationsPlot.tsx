// How long each run took. uPlot is loaded when the first plot is on the screen; the table of runs says the same as text.

import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { useLocation } from "wouter-preact";
import type { Execution } from "../api/client";
import { ticksOf } from "../model/axis";
import type { Percentiles } from "../model/percentiles";
import { result, taken } from "../model/slots";
import { duration, instant, shortTime } from "../model/time";
import { now } from "../state/clock";
import { isDark, shownZone } from "../state/preferences";
import { executionPath } from "./links";

const HEIGHT = 130;
interface Props {
  executions: readonly Execution[];
  /** Lines across the bars; undefined for none. */
  lengths: Percentiles | undefined;
}

export function DurationsPlot({ executions, lengths }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLSpanElement>(null);
  const look = isDark();
  const zone = shownZone();
  const [, go] = useLocation();
  const pointed = useRef<Execution>();
  useEffect(() => {
    const sorted = byStart(executions);
    const data = dataOf(sorted);
    // Kubernetes tells whole seconds: of runs that all took none there is nothing to draw.
    if (!data.slice(1, 3).some((column) => column.filter(Boolean).length > 1)) return undefined;
    let plot: uPlot | undefined;
    let gone = false;
    const resized = new ResizeObserver(() => plot?.setSize({ width: box.current?.clientWidth ?? 0, height: HEIGHT }));
    void import("./plotting").then(({ draw }) => {
      if (gone || !box.current) return;
      plot = draw(box.current, data, HEIGHT, {
        ticks: (from, to, most) => ticksOf(from * 1000, to * 1000, most, now.peek(), zone),
        length: (seconds) => (seconds ? duration(seconds * 1000) : "0"),
        lines: linesOf(lengths),
        pointed: (index) => {
          pointed.current = sorted[index ?? -1];
          if (readout.current) readout.current.textContent = pointed.current ? readoutOf(pointed.current, zone) : "";
        },
      });
      resized.observe(box.current);
    });
    return () => {
      gone = true;
      resized.disconnect();
      plot?.destroy();
    };
  }, [executions, lengths?.p50, lengths?.p90, lengths?.p99, look, zone]);
  const open = () => pointed.current && go(executionPath(pointed.current.job_name, pointed.current.id));
  return (
    <div class="plot" ref={box} aria-hidden="true" onClick={open}>
      <span class="plot-readout" ref={readout} />
    </div>
  );
}

function readoutOf(each: Execution, zone: string | undefined): string {
  const at = shortTime(instant(each.started_at) ?? 0, now.peek(), zone);
  return `${at}: ${result(each)}, ${duration(taken(each, now.peek()))}`;
}

/** The percentiles in seconds, from the greatest. Equal ones are one line, `p50–p99`. */
export function linesOf(lengths: Percentiles | undefined): [string, number][] {
  const found = new Map<number, string>();
  for (const name of ["p50", "p90", "p99"] as const) {
    const at = (lengths?.[name] ?? 0) / 1000;
    const before = found.get(at);
    if (at > 0) found.set(at, before ? `${before.slice(0, 3)}–${name}` : name);
  }
  return [...found].map(([at, name]): [string, number] => [name, at]).reverse();
}

/** Those that have begun, the first to begin first. */
function byStart(executions: readonly Execution[]): Execution[] {
  const at = (each: Execution) => instant(each.started_at) ?? 0;
  return executions.filter(at).sort((a, b) => at(a) - at(b));
}

/** Seconds since 1970 of the starts, and seconds that succeeded, failed and running ones took. */
function dataOf(sorted: readonly Execution[]): [number[], ...(number | null)[][]] {
  const column = (kind: string) =>
    sorted.map((each) => (result(each) === kind ? taken(each, now.peek()) / 1000 : null));
  const starts = sorted.map((each) => (instant(each.started_at) ?? 0) / 1000);
  return [starts, column("success"), column("failed"), column("running")];
}
