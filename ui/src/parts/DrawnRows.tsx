// The rows of a long table: only those on the screen are elements, so ten thousand are as few as twenty.

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { drawn, type Range } from "../model/rows";

/** Pixels of a row, and of one on a phone, which has more lines; style/views.css has the same numbers. */
const ROW = 36;
const TALL_ROW = 66;
const PHONE = matchMedia("(max-width: 760px)");
/** Milliseconds without scrolling after which the address says where the list is. */
const SETTLED = 300;

interface Options {
  total: number;
  /** The first row to show at first. */
  first?: number;
  /** Called with the rows that are drawn, as that changes. */
  onDraw?: (range: Range) => void;
  /** Called with the first row on the screen, once it stays. */
  onSettle?: (first: number) => void;
}

interface DrawnRows {
  /** The box that scrolls. */
  box: RefObject<HTMLDivElement>;
  range: Range;
  /** Pixels of a row. */
  row: number;
  scroll: () => void;
}

export function useDrawnRows({ total, first = 0, onDraw, onSettle }: Options): DrawnRows {
  const box = useRef<HTMLDivElement>(null);
  const row = useRowHeight();
  const [range, setRange] = useState<Range>({ start: 0, end: 0 });
  const settle = useRef<ReturnType<typeof setTimeout>>();
  const measure = () => {
    if (!box.current) return;
    const next = drawn(box.current.scrollTop, box.current.clientHeight, row, total);
    setRange((before) => (before.start === next.start && before.end === next.end ? before : next));
    onDraw?.(next);
  };
  const scroll = () => {
    measure();
    if (!onSettle) return;
    clearTimeout(settle.current);
    settle.current = setTimeout(() => onSettle(Math.floor((box.current?.scrollTop ?? 0) / row)), SETTLED);
  };
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = first * row;
    measure();
  }, []);
  useLayoutEffect(measure, [total, row]);
  useEffect(() => {
    const resized = new ResizeObserver(measure);
    if (box.current) resized.observe(box.current);
    return () => {
      resized.disconnect();
      clearTimeout(settle.current);
    };
  }, [total, row]);
  return { box, range, row, scroll };
}

/** It changes when a phone is turned, or the page is zoomed. */
function useRowHeight(): number {
  const [isPhone, setPhone] = useState(PHONE.matches);
  useEffect(() => {
    const changed = () => setPhone(PHONE.matches);
    PHONE.addEventListener("change", changed);
    return () => PHONE.removeEventListener("change", changed);
  }, []);
  return isPhone ? TALL_ROW : ROW;
}

/** The room of rows that are not drawn. */
export function Gap({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    <tr class="gap">
      <td style={{ height: `${height}px` }} />
    </tr>
  );
}
