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
}

/** Whether it runs and can run comes first, and then how its newest run ended. */
export function stateOf({ disabled, status, problem, paused, stopped }: Told, running: boolean): State {
  if (running) return "running";
  if (disabled) return "disabled";
  if (problem) return "invalid";
  if (paused) return "paused";
  return stopped && status === "failed" ? "stopped" : status || "untriggered";
}
