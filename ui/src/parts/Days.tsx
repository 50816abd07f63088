// Executions day by day: a bar for each, failures at its foot.

import type { Summary } from "../api/client";
import { day } from "../text/time";

const WIDTH = 600;
const HEIGHT = 96;

export function Days({ days }: { days: Summary["days"] }) {
  const most = Math.max(1, ...days.map((each) => each.success_count + each.failed_count));
  const step = WIDTH / Math.max(1, days.length);
  const succeeded = days.reduce((sum, each) => sum + each.success_count, 0);
  const failed = days.reduce((sum, each) => sum + each.failed_count, 0);
  const share = succeeded + failed ? `${((100 * succeeded) / (succeeded + failed)).toFixed(1)} %` : "–";
  return (
    <figure class="days">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img">
        <title>{`${days.length} days: ${succeeded} executions succeeded, ${failed} failed`}</title>
        {days.map((each, index) => {
          const whole = each.success_count + each.failed_count;
          const height = whole ? Math.max(2, (whole / most) * HEIGHT) : 0;
          const bad = each.failed_count ? Math.max(2, (each.failed_count / most) * HEIGHT) : 0;
          const x = index * step + step * 0.12;
          const date = day(Date.parse(each.date), "UTC");
          return (
            <g key={each.date}>
              <title>{`${date}: ${each.success_count} succeeded, ${each.failed_count} failed`}</title>
              <rect class="ground" x={x} y={HEIGHT - 1} width={step * 0.76} height={1} />
              <rect class="success" x={x} y={HEIGHT - height} width={step * 0.76} height={Math.max(0, height - bad)} />
              <rect class="failed" x={x} y={HEIGHT - bad} width={step * 0.76} height={bad} />
              <rect class="catch" x={index * step} y={0} width={step} height={HEIGHT} />
            </g>
          );
        })}
      </svg>
      <figcaption>
        <span>{days[0] ? day(Date.parse(days[0].date), "UTC") : ""}</span>
        <span>
          {succeeded + failed} executions, {share} succeeded
        </span>
        <span>today</span>
      </figcaption>
    </figure>
  );
}
