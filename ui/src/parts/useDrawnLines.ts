// The lines of a long log that are elements: so many in a row, with others in their place as the reader comes to an end.

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { DRAWN, firstDrawn, STEP } from "../model/log";

/** Pixels from an end at which other lines are drawn. */
const NEAR = 600;

interface Options {
  count: number;
  /** How many lines were dropped before the first one. */
  dropped: number;
  /** Whether the end stays in view. */
  follows: boolean;
}

interface DrawnLines {
  /** The box that scrolls; its lines have the class `line`, and their numbers as `data-line`. */
  box: RefObject<HTMLDivElement>;
  /** The index of the first line that is drawn. */
  first: number;
  /** Have the line of this index drawn, and do something with it. */
  withLine: (index: number, act: (line: Element, box: HTMLElement) => void) => void;
  toEnd: () => void;
  /** Stay with these lines, however many come. */
  stay: () => void;
  /** Of the box. */
  listeners: { onScroll: () => void; onKeyDown: (event: KeyboardEvent) => void };
}

export function useDrawnLines({ count, dropped, follows }: Options): DrawnLines {
  const box = useRef<HTMLDivElement>(null);
  /** The first line, counted from the first of the log; undefined for the last lines. */
  const [top, setTop] = useState<number | undefined>(follows ? undefined : 0);
  const first = firstDrawn(follows || top === undefined ? undefined : top - dropped, count);
  const then = useRef<() => void>();
  useLayoutEffect(() => {
    then.current?.();
    then.current = undefined;
  });
  const draw = (wanted: number | undefined, act: () => void) => {
    const next = firstDrawn(wanted, count);
    setTop(wanted === undefined ? undefined : dropped + next);
    if (next === first) act();
    else then.current = act;
  };
  const toEnd = () => draw(undefined, () => box.current?.scrollTo(0, box.current.scrollHeight));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    if (event.key === "End") toEnd();
    else draw(0, () => box.current?.scrollTo(0, 0));
  };
  const onScroll = () => {
    if (!box.current || follows || then.current) return;
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    const isNearEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    const wanted = first + (scrollTop < NEAR ? -STEP : isNearEnd ? STEP : 0);
    const kept = firstOnScreen(box.current);
    if (firstDrawn(wanted, count) === first || !kept) return;
    const before = kept.getBoundingClientRect().top;
    draw(wanted, () => {
      if (box.current) box.current.scrollTop += kept.getBoundingClientRect().top - before;
    });
  };
  return {
    ...{ box, first, toEnd, listeners: { onScroll, onKeyDown } },
    withLine: (index, act) => {
      const isDrawn = index >= first && index < first + DRAWN;
      draw(isDrawn ? first : index - DRAWN / 2, () => {
        const line = box.current?.querySelector(`[data-line="${dropped + index + 1}"]`);
        if (box.current && line) act(line, box.current);
      });
    },
    stay: () => setTop(dropped + first),
  };
}

function firstOnScreen(box: HTMLElement): Element | undefined {
  const { top } = box.getBoundingClientRect();
  return [...box.querySelectorAll(".line")].find((line) => line.getBoundingClientRect().bottom > top);
}
