// Everything that knows uPlot: a file of its own, so that it is loaded only with a plot.

import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import type { Tick } from "../model/axis";

export interface Labels {
  /** Marks of the axis of time between these seconds since 1970, at most so many. */
  ticks: (from: number, to: number, most: number) => readonly Tick[];
  length: (seconds: number) => string;
  /** Lines across, each with its name and its seconds. */
  lines: readonly (readonly [string, number])[];
  /** The bar below the pointer, by its place in the data; undefined for none. */
  pointed: (index: number | null | undefined) => void;
}

const SERIES = [
  ["succeeded", "--success-fill"],
  ["failed", "--failed"],
  ["running", "--running"],
] as const;

/** Seconds between two marks of the axis of lengths: numbers that people count in. */
const STEPS = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
  ...[60, 120, 300, 600, 900, 1800],
  ...[3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800],
];

/** Pixels for each mark of the axis of time, which may have a date. */
const PER_TICK = 120;

/** Pixels for the names of lines at the right, the longest of which is p50–p99. */
const ROOM = 54;

export function draw(box: HTMLElement, data: uPlot.AlignedData, height: number, labels: Labels): uPlot {
  const style = getComputedStyle(box);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  const ticks = (plot: uPlot) => {
    const { min = 0, max = 0 } = plot.scales.x ?? {};
    return labels.ticks(min, max, Math.max(1, Math.floor(plot.bbox.width / devicePixelRatio / PER_TICK)));
  };
  const bars = uPlot.paths.bars?.({ size: [0.6, 10], align: 0 });
  return new uPlot(
    {
      width: box.clientWidth,
      height,
      legend: { show: false },
      cursor: { x: false, y: false, drag: { x: false, y: false }, points: { show: false } },
      padding: [6, labels.lines.length ? ROOM : 8, 0, 0],
      hooks: {
        draw: [(plot) => drawLines(plot, labels.lines, colour("--ink"))],
        setCursor: [(plot) => labels.pointed(plot.cursor.idx)],
      },
      // Half a bar of room at both ends.
      scales: {
        x: { range: (_plot, low, high) => padded(low, high, data[0].length) },
        y: { range: (_plot, _low, high) => [0, high * 1.1 || 1] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          splits: (plot) => ticks(plot).map(({ at }) => at / 1000),
          values: (plot) => ticks(plot).map(({ label }) => label),
          size: 22,
        },
        { ...axis, values: (_plot, at) => at.map(labels.length), incrs: STEPS, size: 64, space: 28 },
      ],
      series: [
        {},
        ...SERIES.map(([label, name]) => ({
          label,
          fill: colour(name),
          stroke: colour(name),
          width: 0,
          paths: bars,
          points: { show: false },
        })),
      ],
    },
    data,
    box,
  );
}

/** Height of a letter and a half, in pixels of the screen: names of lines that are nearer are left out. */
const APART = 12;

function drawLines(plot: uPlot, lines: Labels["lines"], ink: string): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ink;
  ctx.lineWidth = scale;
  ctx.setLineDash([3 * scale, 3 * scale]);
  ctx.font = `${10.5 * scale}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.fillStyle = ink;
  const placed = lines.map(([name, seconds]) => [name, Math.round(plot.valToPos(seconds, "y", true))] as const);
  ctx.globalAlpha = 0.55;
  for (const [, y] of placed) {
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
  let last = Number.NEGATIVE_INFINITY;
  for (const [name, y] of placed) {
    if (y - last < APART * scale) continue;
    last = y;
    ctx.fillText(name, bbox.left + bbox.width + 4 * scale, y + 4 * scale);
  }
  ctx.restore();
}

function padded(low: number, high: number, count: number): [number, number] {
  const room = Math.max(1, (high - low) / Math.max(1, 2 * (count - 1)));
  return [low - room, high + room];
}
