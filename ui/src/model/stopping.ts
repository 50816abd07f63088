// A run that is asked to stop: how long its pod may take. Pure.

import type { Execution } from "../api/client";
import { instant, wholeSeconds } from "./time";

type Stopping = NonNullable<NonNullable<Execution["details"]>["stopping"]>;

/** `stopping, 27 s of grace left`. */
export function stoppingInWords({ until }: Stopping, now: number): string {
  const end = instant(until);
  if (end === undefined) return "stopping";
  return end > now ? `stopping, ${wholeSeconds((end - now) / 1000)} of grace left` : "stopping, its grace is over";
}
