// The width of an element in pixels: a drawing that knows it keeps its letters readable on every screen.

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** `width` is 0 until the element is on the page. */
export function useWidth<Of extends HTMLElement>(): { box: RefObject<Of>; width: number } {
  const box = useRef<Of>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setWidth(Math.round(box.current?.clientWidth ?? 0));
    const resized = new ResizeObserver(measure);
    if (box.current) resized.observe(box.current);
    measure();
    return () => resized.disconnect();
  }, []);
  return { box, width };
}
