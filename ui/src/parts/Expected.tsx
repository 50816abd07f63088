// How long a run has been going on, beside how long runs of its job usually take.

import { progressInWords } from "../model/attention";
import { instant } from "../model/time";
import { now } from "../state/clock";
import { heard, isOld } from "../state/live";

interface Props {
  since: string;
  /** Seconds; undefined where that is not known. */
  usual: number | undefined;
}

/** While the screen is old, the run may have ended: then it stands still. */
export function Expected({ since, usual }: Props) {
  const until = isOld() ? heard.value : now.value;
  const elapsed = Math.max(0, (until - (instant(since) ?? until)) / 1000);
  return (
    <span class="elapsed">
      {progressInWords(elapsed, usual)}
      {usual !== undefined && usual > 0 && (
        <svg
          viewBox="0 0 100 3"
          preserveAspectRatio="none"
          class={elapsed > 2 * usual ? "long" : ""}
          aria-hidden="true"
        >
          <rect class="ground" width={100} height={3} />
          <rect width={Math.min(100, (100 * elapsed) / usual)} height={3} />
        </svg>
      )}
    </span>
  );
}
