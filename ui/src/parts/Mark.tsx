// A bar, a cell or a day of a chart: a link to the list of what it counts. The Tab key goes to one of a chart, and the
// arrows go on from there.

import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";

interface Props {
  to: string;
  /** Its content, for screen readers. */
  words: string;
  /** Whether the Tab key goes to it. */
  isFirst: boolean;
  class?: string;
  title?: string;
  children?: ComponentChildren;
}

/** It stands within an element with `data-chart`, which has the number of columns if it has several rows. */
export function Mark({ to, words, isFirst, class: kind = "", title, children }: Props) {
  return (
    <Link
      class={`mark ${kind}`}
      href={to}
      title={title}
      aria-label={words}
      tabIndex={isFirst ? 0 : -1}
      onKeyDown={goOn}
    >
      {children}
    </Link>
  );
}

function goOn(event: KeyboardEvent): void {
  const here = event.currentTarget as Element;
  const chart = here.closest<HTMLElement | SVGElement>("[data-chart]");
  const marks = [...(chart?.querySelectorAll<HTMLElement | SVGElement>(".mark") ?? [])];
  const row = Number(chart?.dataset.chart) || 0;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row }[event.key];
  if (!step) return;
  event.preventDefault();
  marks[marks.indexOf(here as HTMLElement) + step]?.focus();
}
