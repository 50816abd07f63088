// How long each run took. uPlot is loaded when the first plot is on the screen; the table of runs says the same as text.

import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import type { Execution } from "../api/client";
import { now } from "../state/clock";
import { isDark, shownZone } from "../state/preferences";
import type { Percentiles } from "../text/percentiles";
import { result, taken } from "../text/slots";
import { clockTime, day, duration, instant } from "../text/time";

const HEIGHT = 130;
/** Seconds after which an axis names days rather than times of day. */
const DAYS = 2 * 86_400;

interface Props {
  executions: readonly Execution[];
  /** Lines across the bars; undefined for none. */
  lengths: Percentiles | undefined;
}

export function DurationsPlot({ executions, lengths }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const look = isDark();
  const zone = shownZone();
  useEffect(() => {
    const data = dataOf(executions);
    // Kubernetes tells whole seconds: of runs that all took none there is nothing to draw.
    if (!data.slice(1, 3).some((column) => column.filter(Boolean).length > 1)) return undefined;
    const [starts] = data;
    const long = (starts[starts.length - 1] ?? 0) - (starts[0] ?? 0) > DAYS;
    let plot: uPlot | undefined;
    let gone = false;
    const resized = new ResizeObserver(() => plot?.setSize({ width: box.current?.clientWidth ?? 0, height: HEIGHT }));
    void import("./plotting").then(({ draw }) => {
      if (gone || !box.current) return;
      plot = draw(box.current, data, HEIGHT, {
        time: (seconds) => (long ? day(seconds * 1000, zone) : clockTime(seconds * 1000, zone).slice(0, 5)),
        length: (seconds) => (seconds ? duration(seconds * 1000) : "0"),
        lines: linesOf(lengths),
      });
      resized.observe(box.current);
    });
    return () => {
      gone = true;
      resized.disconnect();
      plot?.destroy();
    };
  }, [executions, lengths?.p50, lengths?.p90, lengths?.p99, look, zone]);
  return <div class="plot" ref={box} aria-hidden="true" />;
}

/** The percentiles in seconds, from the greatest. Equal ones are one line. */
export function linesOf(lengths: Percentiles | undefined): [string, number][] {
  const found = new Map<number, string>();
  for (const name of ["p50", "p90", "p99"] as const) {
    const at = (lengths?.[name] ?? 0) / 1000;
    const before = found.get(at);
    if (at > 0) found.set(at, before ? `${before}, ${name}` : name);
  }
  return [...found].map(([at, name]): [string, number] => [name, at]).reverse();
}

/** Seconds since 1970 of the starts, and seconds that succeeded, failed and running ones took. */
export function dataOf(executions: readonly Execution[]): [number[], ...(number | null)[][]] {
  const sorted = executions
    .map((each) => ({ at: instant(each.started_at), each }))
    .filter((row): row is { at: number; each: Execution } => row.at !== undefined)
    .sort((a, b) => a.at - b.at);
  const column = (kind: string) =>
    sorted.map(({ each }) => (result(each) === kind ? taken(each, now.peek()) / 1000 : null));
  return [sorted.map(({ at }) => at / 1000), column("success"), column("failed"), column("running")];
}
