// The pauses that hold one job, on its view, and how it goes on.

import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { endPause, listPauses, type Pause, resumeOneOf } from "../api/pauses";
import { pausedJobs, whoAndWhy } from "../model/backfills";
import { attempt } from "../state/notices";
import { pauseChanges, pausesChanged } from "../state/pauses";
import { useQuery } from "../state/query";
import { may, whoami } from "../state/session";
import { ResumeDialog } from "./ResumeDialog";
import { When } from "./Time";

interface Props {
  job: string;
  /** What pauses it by its own condition: all that is known of a pause that the reader may not see. */
  paused: string;
}

export function JobPauses({ job, paused }: Props) {
  const mayList = may("list dkronpauses");
  const { data, error } = useQuery(
    mayList ? `pauses of ${job} ${pauseChanges()}` : null,
    (signal) => listPauses({ job }, signal),
    { concerns: (event) => event.type === "job" && event.job.name === job, atMostEvery: 3, every: 30 },
  );
  const held = (data?.items ?? []).filter(({ state }) => state === "holds" || state === "unseen");
  const isRead = data !== undefined || error !== undefined || !mayList;
  // One of another namespace may be hidden from a reader who may list the pauses of this one.
  if (paused && isRead && !held.length) return <p class="note warn sentence">{paused}.</p>;
  return (
    <>
      {held.map((each) => (
        <Held key={`${each.namespace} ${each.name}`} pause={each} job={job} />
      ))}
    </>
  );
}

function Held({ pause, job }: { pause: Pause; job: string }) {
  const [asking, setAsking] = useState(false);
  const resume = async (action: () => Promise<unknown>) => {
    if (await attempt(action, `${job} goes on.`)) pausesChanged();
  };
  const isHere = pause.namespace === whoami.value?.namespace;
  const isAlone = pause.jobs.length === 1;
  return (
    <div class="note warn">
      <p>
        <strong>{pause.state === "unseen" ? "Is about to pause" : "Paused"}</strong>
        {whoAndWhy(pause)}
        {pause.until && (
          <>
            {" "}
            (until <When at={pause.until} />)
          </>
        )}
        . {pause.when_resumed === "drop" && "What comes due meanwhile is skipped. "}
        {!isAlone && <Link href="/pauses">It holds {pausedJobs(pause)}</Link>}
      </p>
      {isHere && isAlone && may("delete dkronpauses") && (
        <button type="button" onClick={() => setAsking(true)}>
          Resume
        </button>
      )}
      {asking && (
        <ResumeDialog pause={pause} onYes={() => resume(() => endPause(pause.name))} onClose={() => setAsking(false)} />
      )}
      {isHere && pause.jobs.length > 1 && may("update dkronpauses") && (
        <button type="button" onClick={() => resume(() => resumeOneOf(pause.name, job))}>
          Resume this job
        </button>
      )}
    </div>
  );
}
