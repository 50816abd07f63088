// How long each run took. uPlot is loaded when the first plot is on the screen; the table of runs says the same as text.

import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import type { Execution } from "../api/client";
import { now } from "../state/clock";
import { isDark, shownZone } from "../state/preferences";
import { result, taken } from "../text/slots";
import { clockTime, day, duration, instant } from "../text/time";

const HEIGHT = 130;

export function DurationsPlot({ executions }: { executions: readonly Execution[] }) {
  const box = useRef<HTMLDivElement>(null);
  const look = isDark();
  const zone = shownZone();
  useEffect(() => {
    const data = dataOf(executions);
    // Kubernetes tells whole seconds: of runs that all took none there is nothing to draw.
    if (!data.slice(1, 3).some((column) => column.filter(Boolean).length > 1)) return undefined;
    let plot: uPlot | undefined;
    let gone = false;
    const resized = new ResizeObserver(() => plot?.setSize({ width: box.current?.clientWidth ?? 0, height: HEIGHT }));
    void import("./plotting").then(({ draw }) => {
      if (gone || !box.current) return;
      plot = draw(box.current, data, HEIGHT, {
        time: (seconds) => {
          const at = seconds * 1000;
          return isOfDays(data[0]) ? day(at, zone).replace(/^\S+ /, "") : clockTime(at, zone).slice(0, 5);
        },
        length: (seconds) => duration(seconds * 1000),
      });
      resized.observe(box.current);
    });
    return () => {
      gone = true;
      resized.disconnect();
      plot?.destroy();
    };
  }, [executions, look, zone]);
  return <div class="plot" ref={box} aria-hidden="true" />;
}

/** Whether the starts, in seconds since 1970, are days apart: then times of the day would say little. */
function isOfDays(starts: readonly number[]): boolean {
  return (starts.at(-1) ?? 0) - (starts[0] ?? 0) > 2 * 86_400;
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
