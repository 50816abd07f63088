// The executions of the jobs of a chain: read once it is on the screen, and again as they change.

import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Execution } from "../api/client";
import { executionsOf } from "../api/jobs";
import type { Executions } from "../model/chainRun";
import { useQuery } from "../state/query";

/** Jobs of a chain whose executions are read; of a longer one, none are. */
const MOST = 50;
const NONE: Executions = new Map();

export function useChainRuns(box: RefObject<HTMLElement>, names: readonly string[]): Executions {
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) setSeen(true);
    });
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const read = async (signal: AbortSignal) => {
    const found = new Map<string, Execution[]>();
    for (const name of names) found.set(name, await executionsOf(name, 0, signal));
    return found;
  };
  const { data } = useQuery(isSeen && names.length <= MOST ? `chain ${names.join(" ")}` : null, read, {
    concerns: (event) => event.type === "execution" && names.includes(event.execution.job_name),
    atMostEvery: 15,
  });
  return data ?? NONE;
}
