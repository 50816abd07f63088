// Says on every view that all jobs of the namespace are paused.

import { Link } from "wouter-preact";
import { isForAll, whoAndWhy } from "../model/backfills";
import { usePauses } from "../state/pauses";
import { When } from "./Time";

export function PausedBanner() {
  const [first, ...more] = usePauses().filter(isForAll);
  if (!first) return null;
  const where = first.all_namespaces ? "All jobs of all namespaces" : "All jobs of the namespace";
  return (
    <p class="paused-banner" role="status">
      <strong>
        {where} are {first.state === "unseen" ? "about to pause" : "paused"}
      </strong>
      {whoAndWhy(first)}
      {first.until && (
        <span>
          {" "}
          (until <When at={first.until} />)
        </span>
      )}
      {more.length > 0 && <span> and by {more.length} more</span>}. <Link href="/pauses">See the pauses</Link>
    </p>
  );
}
