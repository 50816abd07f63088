// The runs of a job before and after one of them. Pure.

import type { Execution } from "../api/client";
import { isOver } from "./slots";

export interface Around {
  readonly before: Execution | undefined;
  readonly after: Execution | undefined;
  /** The newest run before it that succeeded, to compare with. */
  readonly success: Execution | undefined;
}

/** The runs around this one, each by its newest attempt. */
export function around(one: Execution, all: readonly Execution[]): Around {
  const at = one.group ?? 0;
  const others = all
    .filter(({ group = 0 }) => group !== at)
    .sort((a, b) => (b.group ?? 0) - (a.group ?? 0) || Date.parse(b.started_at) - Date.parse(a.started_at));
  const before = others.filter(({ group = 0 }) => group < at);
  const next = others.findLast(({ group = 0 }) => group > at)?.group;
  return {
    before: before[0],
    after: others.find(({ group }) => group === next),
    success: before.find(({ success }) => success),
  };
}

/** Whether the runs around one that is over may be others than the list says: it has only the newest executions. */
export function isMissing(one: Execution, all: readonly Execution[]): boolean {
  if (!isOver(one)) return false;
  const { before, success } = around(one, all);
  return !all.some(({ id }) => id === one.id) || !before || (!one.success && !success);
}
