// The jobs that a job runs after, where "Runs after" has no room for them all: a save may remove what it does not show.

import type { Details } from "../../api/details";
import { parentsInWords, saysMore } from "../../model/parents";
import type { Query } from "../../state/query";

interface Props {
  job: string;
  details: Query<Details>;
  /** Whether a save would name another job, or none. */
  changes: boolean;
}

export function Parents({ job, details: { data, error }, changes }: Props) {
  if (!data) {
    if (!error || !changes) return null;
    return (
      <p class="note warn">
        It cannot be read whether this job runs after several jobs. If it does, saving removes all but what is written
        in “Runs after”.
      </p>
    );
  }
  const parents = data.chain.find((each) => each.name === job)?.parents ?? [];
  if (!saysMore(parents)) return null;
  return changes ? (
    <p class="note warn" role="alert">
      Saving removes all that this job runs after now: {parentsInWords(parents)}. To keep them, leave “Runs after” at{" "}
      {parents[0]?.job}, or change <code>dependsOn</code> of the DkronJob.
    </p>
  ) : (
    <p class="muted hint">
      It runs after {parentsInWords(parents)}. “Runs after” shows only the name of the first; as long as that stays, all
      of this stays.
    </p>
  );
}
