// Executions day by day: a bar for each, failures at its foot.

import { useState } from "preact/hooks";
import type { Summary } from "../api/client";
import { runsPath } from "../model/runs";
import { day } from "../model/time";
import { Mark } from "./Mark";
import { useWidth } from "./useWidth";

const TOP = 16;
const TALL = 110;
const HEIGHT = TOP + TALL + 18;
/** Days between two names of the axis: a week. */
const WEEK = 7;
const DAY = 86_400_000;

type Day = Summary["days"][number];

export function Days({ days }: { days: readonly Day[] }) {
  const { box, width } = useWidth<HTMLElement>();
  const [pointed, point] = useState<Day>();
  const most = Math.max(1, ...days.map((each) => each.success_count + each.failed_count));
  const step = width / Math.max(1, days.length);
  const succeeded = days.reduce((sum, each) => sum + each.success_count, 0);
  const failed = days.reduce((sum, each) => sum + each.failed_count, 0);
  const total = (succeeded + failed).toLocaleString("en");
  const share = succeeded + failed ? `${((100 * succeeded) / (succeeded + failed)).toFixed(1)} %` : "–";
  const words = `${days.length} days: ${succeeded} executions succeeded, ${failed} failed`;
  return (
    <figure class="days" ref={box}>
      <svg
        width={width}
        height={HEIGHT}
        role="group"
        aria-label={words}
        data-chart
        onMouseMove={(event) => point(days[Math.floor(event.offsetX / step)])}
        onMouseLeave={() => point(undefined)}
      >
        <path class="axis" d={`M0 ${TOP}H${width}`} />
        <text x={0} y={TOP - 4}>
          {most.toLocaleString("en")}
        </text>
        {days.map((each, index) => (
          <Bar key={each.date} of={each} x={index * step} step={step} most={most} isFirst={index === 0} />
        ))}
        {days.map(({ date }, index) => {
          const back = days.length - 1 - index;
          if (back % WEEK || index * step > width - 40) return null;
          return (
            <text key={date} x={index * step} y={HEIGHT - 4}>
              {day(Date.parse(date), "UTC").split(" ").slice(1).join(" ")}
            </text>
          );
        })}
        <text x={width} y={HEIGHT - 4} text-anchor="end">
          today
        </text>
      </svg>
      <figcaption>{pointed ? inWords(pointed) : `${total} executions, ${share} succeeded`}</figcaption>
    </figure>
  );
}

function inWords({ date, success_count, failed_count }: Day): string {
  return `${day(Date.parse(date), "UTC")}: ${success_count} succeeded, ${failed_count} failed`;
}

interface BarProps {
  of: Day;
  x: number;
  step: number;
  /** Executions of the fullest day. */
  most: number;
  isFirst: boolean;
}

function Bar({ of, x, step, most, isFirst }: BarProps) {
  const from = Date.parse(of.date);
  const whole = of.success_count + of.failed_count;
  const height = whole ? Math.max(2, (whole / most) * TALL) : 0;
  const bad = of.failed_count ? Math.max(2, (of.failed_count / most) * TALL) : 0;
  const foot = TOP + TALL;
  const [left, width] = [x + step * 0.12, step * 0.76];
  return (
    <Mark to={runsPath({ from, to: from + DAY })} words={inWords(of)} isFirst={isFirst}>
      <title>{inWords(of)}</title>
      <rect class="ground" x={left} y={foot - 1} width={width} height={1} />
      <rect class="success" x={left} y={foot - height} width={width} height={Math.max(0, height - bad)} />
      <rect class="failed" x={left} y={foot - bad} width={width} height={bad} />
      <rect class="catch" x={x} y={0} width={step} height={foot} />
    </Mark>
  );
}
