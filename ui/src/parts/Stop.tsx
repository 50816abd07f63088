// Stops a run: asks first, then counts the grace of its pod, which can be ended.

import { useState } from "preact/hooks";
import type { Execution } from "../api/client";
import { stopExecution } from "../api/jobs";
import { now } from "../state/clock";
import { attempt } from "../state/notices";
import { hasGrace, stoppingInWords } from "../text/stopping";
import { Confirm } from "./Confirm";
import { Mark } from "./Mark";

interface Props {
  of: Execution;
  /** How the button looks. */
  class?: string;
  onAsked?: () => void;
}

/** The button that stops a run, or kills one that is stopping. The job is part of its name where a list has several. */
export function StopButton({ of, class: kind = "danger", onAsked = () => {} }: Props) {
  const [asking, setAsking] = useState(false);
  const { id, job_name: job, details } = of;
  const stopping = details?.stopping;
  const stop = async (isNow: boolean) => {
    const done = isNow ? `${job} has a second to end.` : `${job} is asked to stop.`;
    if (await attempt(() => stopExecution(job, id, isNow), done)) onAsked();
  };
  if (stopping && !hasGrace(stopping, now.value)) return null;
  return (
    <>
      <button
        type="button"
        class={kind}
        aria-label={stopping ? `Kill now: ${job}` : `Stop ${job}`}
        onClick={() => (stopping ? stop(true) : setAsking(true))}
      >
        {stopping ? "Kill now" : "Stop"}
      </button>
      {asking && (
        <Confirm
          title={`Stop this run of ${job}?`}
          text="Its pod gets its grace period to end. The run counts as failed, and no retry follows."
          verb="Stop"
          onYes={() => stop(false)}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}

/** The state of a run that is stopping, with the grace that its pod has left. */
export function StoppingMark({ of }: { of: Execution }) {
  const stopping = of.details?.stopping;
  return stopping ? <Mark state="waiting" word say={stoppingInWords(stopping, now.value)} /> : null;
}
