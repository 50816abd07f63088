// The latest runs of a job as bars, the newest at the right: the height is how long one took, the shape how it ended.

import type { Execution } from "../api/client";
import { result, summary, taken } from "../model/slots";
import { now } from "../state/clock";

const BARS = 20;
const HEIGHT = 20;
const STEP = 6;

/** `executions` come with the newest first. */
export function RunBars({ executions }: { executions: readonly Execution[] }) {
  const shown = executions.slice(0, BARS).reverse();
  const longest = Math.max(1, ...shown.map((each) => taken(each, now.peek())));
  const width = BARS * STEP;
  return (
    <svg class="run-bars" viewBox={`0 0 ${width} ${HEIGHT}`} width={width} height={HEIGHT} role="img">
      <title>{`the latest runs: ${summary(shown)}`}</title>
      {shown.map((each, index) => {
        const kind = result(each);
        const share = Math.sqrt(taken(each, now.peek()) / longest);
        const height = kind === "failed" ? HEIGHT : 5 + Math.round(share * (HEIGHT - 9));
        const x = width - (shown.length - index) * STEP;
        return (
          <g key={each.id} class={kind}>
            <rect x={x + 1} y={HEIGHT - height} width={4} height={height} rx={1} />
            {kind === "failed" && <path d={`M${x} 6.5h6`} class="notch" />}
          </g>
        );
      })}
    </svg>
  );
}
