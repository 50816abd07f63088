// How far a backfill has got: what succeeded, failed, is active, and is to come. The words say the same.

import type { Backfill } from "../api/backfills";
import { progressOf } from "../model/backfills";

export function Progress({ backfill, wide = false }: { backfill: Backfill; wide?: boolean }) {
  const { plan, succeeded, failed, active } = backfill.status;
  if (!plan) return <span class="muted">–</span>;
  const share = (count: number) => (plan.count ? (100 * count) / plan.count : 0);
  const [good, bad] = [share(succeeded), share(failed)];
  return (
    <span class={wide ? "progress wide-progress" : "progress"}>
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class="ground" width="100" height="6" />
        <rect class="success" width={good} height="6" />
        <rect class="failed" x={good} width={bad} height="6" />
        {/* A line only: what is active has not got anywhere yet. */}
        <rect class="running" x={good + bad} y="4" width={share(active)} height="2" />
      </svg>
      <span>{progressOf(backfill)}</span>
    </span>
  );
}
