// The line of a log that the address names: `#L12`.

import { useEffect, useState } from "preact/hooks";
import { lineOf } from "../model/log";

/** The number of the line, from 1, and how to name another one. */
export function useNamedLine(): [number | undefined, (line: number) => void] {
  const [line, setLine] = useState(() => lineOf(location.hash));
  useEffect(() => {
    const changed = () => setLine(lineOf(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  const name = (next: number) => {
    history.replaceState(history.state, "", `${location.pathname}${location.search}#L${next}`);
    setLine(next);
  };
  return [line, name];
}
