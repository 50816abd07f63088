// The executions of one minute, of all jobs: as many as the overview lists.

import { Link } from "wouter-preact";
import type { Summary } from "../api/client";
import { clockTime, duration } from "../model/time";
import { type Column, countsInWords, entriesOf, sizeOf } from "../model/timeline";
import { shownZone } from "../state/preferences";
import { executionPath, jobPath } from "./links";
import { StateIcon } from "./StateIcon";
import { When } from "./Time";

interface Props {
  summary: Summary;
  /** The begin of the minute, in milliseconds since 1970. */
  at: number;
  /** Undefined for a minute that has none any more. */
  column: Column | undefined;
  onClose: () => void;
}

export function MinuteList({ summary, at, column, onClose }: Props) {
  const entries = entriesOf(summary, at);
  const more = column ? Math.max(0, sizeOf(column) - entries.length) : 0;
  return (
    <section class="minute-list" aria-label="Executions of the minute">
      <header>
        <h3 aria-live="polite">
          {clockTime(at, shownZone()).slice(0, 5)}
          {column ? `: ${countsInWords(column.counts)}` : ""}
        </h3>
        <button type="button" class="quiet" onClick={onClose}>
          Close
        </button>
      </header>
      <ul class="rows">
        {entries.map((each) => (
          <li key={`${each.job} ${each.at} ${each.state}`}>
            <StateIcon state={each.state} />
            <Link href={each.id ? executionPath(each.job, each.id) : jobPath(each.job)} class="name">
              {each.job}
            </Link>
            <span class="why clip">{each.took === undefined ? "" : `took ${duration(each.took * 1000)}`}</span>
            <span class="end">
              <When at={each.at} />
            </span>
          </li>
        ))}
      </ul>
      {more > 0 && <p class="muted small-print">{more} more; the view of each job lists its own.</p>}
    </section>
  );
}
