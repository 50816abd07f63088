// The latest runs of the jobs of a list: read once a row is on the screen, one job after the other.

import type { Ref } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Execution } from "../api/client";
import { executionsOf, type ListedJob } from "../api/jobs";

const known = new Map<string, { version: string; executions: Execution[] }>();
const MOST = 500;
/** Milliseconds that a row is on the screen before it is read: a list that is scrolled through asks for nothing. */
const PATIENCE = 150;
let reading = Promise.resolve();

/** The executions of the job in the row of `cell`, the newest first; undefined until they are read. */
export function useLatestRuns(
  job: ListedJob | undefined,
  running: boolean,
): { cell: Ref<HTMLTableCellElement>; runs: Execution[] | undefined } {
  const cell = useRef<HTMLTableCellElement>(null);
  const name = job?.name ?? "";
  const version = job ? `${job.success_count} ${job.error_count} ${running}` : "";
  const [shown, setShown] = useState<{ name: string; executions: Execution[] }>();
  useEffect(() => {
    if (!name) return undefined;
    const found = known.get(name);
    if (found) setShown({ name, executions: found.executions });
    if (found?.version === version) return undefined;
    const control = new AbortController();
    const read = async () => {
      if (control.signal.aborted) return;
      try {
        const executions = await executionsOf(name, 0, control.signal, true);
        known.delete(name);
        known.set(name, { version, executions });
        if (known.size > MOST) known.delete(known.keys().next().value ?? "");
        setShown({ name, executions });
      } catch {
        // The list itself says what is wrong with the server.
      }
    };
    let timer: ReturnType<typeof setTimeout>;
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      timer = setTimeout(() => (reading = reading.then(read)), PATIENCE);
    });
    if (cell.current) observer.observe(cell.current);
    return () => {
      observer.disconnect();
      clearTimeout(timer);
      control.abort();
    };
  }, [name, version]);
  return { cell, runs: shown?.name === name ? shown.executions : undefined };
}
