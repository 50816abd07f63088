import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

/** The reference of a box that keeps the room that it has once had: what stands below does not move as lines go and come
 * again. Another width of the page begins again. */
export function useTallest<T extends HTMLElement>(): RefObject<T> {
  const box = useRef<T>(null);
  useLayoutEffect(() => {
    const { current } = box;
    if (current) current.style.minHeight = `${current.offsetHeight}px`;
  });
  useEffect(() => {
    const reset = () => box.current?.style.removeProperty("min-height");
    addEventListener("resize", reset);
    return () => removeEventListener("resize", reset);
  }, []);
  return box;
}
