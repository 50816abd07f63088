// Everything that knows uPlot: a file of its own, so that it is loaded only with a plot.

import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";

export interface Labels {
  time: (seconds: number) => string;
  length: (seconds: number) => string;
}

const SERIES = [
  ["succeeded", "--success-fill"],
  ["failed", "--failed"],
  ["running", "--running"],
] as const;

export function draw(box: HTMLElement, data: uPlot.AlignedData, height: number, labels: Labels): uPlot {
  const style = getComputedStyle(box);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  const bars = uPlot.paths.bars?.({ size: [0.6, 10], align: 0 });
  return new uPlot(
    {
      width: box.clientWidth,
      height,
      legend: { show: false },
      cursor: { show: false },
      padding: [6, 6, 0, 0],
      // Half a bar of room at both ends.
      scales: {
        x: { range: (_plot, low, high) => padded(low, high, data[0].length) },
        y: { range: (_plot, _low, high) => [0, high * 1.1 || 1] },
      },
      axes: [
        { ...axis, grid: { show: false }, values: (_plot, at) => at.map(labels.time), size: 22 },
        { ...axis, values: (_plot, at) => at.map(labels.length), size: 64, space: 28 },
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

function padded(low: number, high: number, count: number): [number, number] {
  const room = Math.max(1, (high - low) / Math.max(1, 2 * (count - 1)));
  return [low - room, high + room];
}
