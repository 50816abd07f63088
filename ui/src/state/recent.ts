// Executions that ended while this page was open: the REST API lists them job by job only.

import { signal } from "@preact/signals";
import type { Execution } from "../api/client";
import { onEvents } from "./live";

const MOST = 300;

/** The newest first. */
export const recent = signal<readonly Execution[]>([]);

onEvents((events) => {
  const ended = events.flatMap((event) =>
    event.type === "execution" && event.action === "finished" ? [event.execution] : [],
  );
  if (ended.length) recent.value = [...ended.reverse(), ...recent.value].slice(0, MOST);
});
