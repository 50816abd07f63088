// How a job stands, in one word. Pure.

import type { Job } from "../api/client";

export type State =
  | "success"
  | "failed"
  | "running"
  | "partially_failed"
  | "untriggered"
  | "disabled"
  | "paused"
  | "invalid"
  | "stopped"
  | "waiting";

interface Told extends Pick<Job, "disabled" | "status"> {
  readonly problem?: string;
  /** What pauses it; empty or missing if nothing does. */
  readonly paused?: string;
  /** Whether a user stopped its newest run. */
  readonly stopped?: boolean;
  /** Whether a run of it waits. */
  readonly waiting?: boolean;
}

/** How the newest run of a paused job went, if it failed: the pause is no reason not to say so. */
export function failedBefore(job: Told, running: boolean): State | undefined {
  const { status, stopped } = job;
  const isBad = status === "partially_failed" || (status === "failed" && !stopped);
  return stateOf(job, running) === "paused" && isBad ? status : undefined;
}

/** Whether it runs and can run comes first, and then how its newest run ended. */
export function stateOf({ disabled, status, problem, paused, stopped, waiting }: Told, running: boolean): State {
  if (running) return "running";
  if (disabled) return "disabled";
  if (problem) return "invalid";
  if (paused) return "paused";
  if (!status) return waiting ? "waiting" : "untriggered";
  return stopped && status === "failed" ? "stopped" : status;
}
