// The effect of an action on each of the chosen jobs, before it is done. Pure.

import type { ListedJob } from "../api/jobs";

export type Action = "run" | "enable" | "disable" | "delete";

export interface Step {
  readonly job: ListedJob;
  /** Whether the server would be asked at all. */
  readonly does: boolean;
  /** What would become of the job, or why nothing would. */
  readonly words: string;
}

/** The steps of the action, in their order. */
export function plan(action: Action, jobs: readonly ListedJob[]): Step[] {
  const steps = jobs.map((job) => ({ job, ...step(action, job) }));
  return [...steps.filter((each) => each.does), ...steps.filter((each) => !each.does)];
}

function step(action: Action, job: ListedJob): Omit<Step, "job"> {
  switch (action) {
    case "run":
      if (job.disabled && !job.parent_job) return skip("is disabled and does not run");
      return act("runs now, with the defaults of its parameters");
    case "enable":
    case "disable": {
      const disabled = action === "disable";
      if (job.disabled === disabled) return skip(`is ${action}d already`);
      const tool = job.kept_by?.fields.disabled !== undefined && job.kept_by.tool;
      if (tool) return skip(`${tool} keeps this; change it there`);
      return act(disabled ? "does not run any more" : "runs by its schedule");
    }
    case "delete":
      return act(`is deleted with its executions${job.kept_by ? `; ${job.kept_by.tool} may create it again` : ""}`);
  }
}

function act(words: string): Omit<Step, "job"> {
  return { does: true, words };
}

function skip(words: string): Omit<Step, "job"> {
  return { does: false, words };
}

/** Do something to each, a few at a time, until `until` is aborted. `each` throws what has gone wrong. */
export async function inTurns<T>(
  items: readonly T[],
  each: (item: T) => Promise<void>,
  failed: (item: T, error: unknown) => void,
  until: AbortSignal,
  atOnce = 4,
): Promise<void> {
  const left = [...items].reverse();
  const worker = async () => {
    for (let item = left.pop(); item !== undefined && !until.aborted; item = left.pop()) {
      try {
        await each(item);
      } catch (error) {
        failed(item, error);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
