// The latest runs of a job as bars, the newest at the right: the height is how long one took, the shape how it ended.

import type { Execution } from "../api/client";
import { result, summary, taken } from "../model/slots";
import { duration, instant, shortTime } from "../model/time";
import { now } from "../state/clock";
import { shownZone } from "../state/preferences";
import { executionPath } from "./links";
import { Mark } from "./Mark";
import { wordFor } from "./StateIcon";

const BARS = 20;
const HEIGHT = 20;
const STEP = 6;

/** `executions` come with the newest first. */
export function RunBars({ executions }: { executions: readonly Execution[] }) {
  const begun = executions.filter((each) => result(each) !== "waiting");
  const shown = begun.slice(0, BARS).reverse();
  const longest = Math.max(1, ...shown.map((each) => taken(each, now.peek())));
  const width = BARS * STEP;
  return (
    <svg
      class="run-bars"
      viewBox={`0 0 ${width} ${HEIGHT}`}
      width={width}
      height={HEIGHT}
      role="group"
      aria-label={`the latest runs: ${summary(shown)}`}
      data-chart
    >
      {shown.map((each, index) => {
        const kind = result(each);
        const share = Math.sqrt(taken(each, now.peek()) / longest);
        const height = kind === "failed" ? HEIGHT : 5 + Math.round(share * (HEIGHT - 9));
        const x = width - (shown.length - index) * STEP;
        const began = shortTime(instant(each.started_at) ?? 0, now.peek(), shownZone());
        const words = `${began}: ${wordFor(kind)}, ${duration(taken(each, now.peek()))}`;
        return (
          <Mark
            key={each.id}
            class={kind}
            to={executionPath(each.job_name, each.id)}
            words={words}
            isFirst={index === shown.length - 1}
          >
            <title>{words}</title>
            <rect x={x + 1} y={HEIGHT - height} width={4} height={height} rx={1} />
            {kind === "failed" && <path d={`M${x} 6.5h6`} class="notch" />}
            <rect class="catch" x={x} y={0} width={STEP} height={HEIGHT} />
          </Mark>
        );
      })}
    </svg>
  );
}
