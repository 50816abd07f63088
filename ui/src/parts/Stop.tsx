// Stops a run: asks first, then counts the grace of its pod. A kubelet that ends a pod takes no shorter grace any more
// (kubernetes/kubernetes#83916), so nothing here kills it sooner.

import { useState } from "preact/hooks";
import type { Execution } from "../api/client";
import { stopExecution } from "../api/jobs";
import { result } from "../model/slots";
import { stoppingInWords } from "../model/stopping";
import { now } from "../state/clock";
import { attempt } from "../state/notices";
import { Confirm } from "./Confirm";
import { StateIcon } from "./StateIcon";

interface Props {
  of: Execution;
  /** How the button looks. */
  class?: string;
  onAsked?: () => void;
}

const RUNNING = "Its pod gets its grace period to end.";
const WAITING = "It leaves the line.";

/** The button that stops a run, unless it is stopping. The job is part of its name, as lists have several. */
export function StopButton({ of, class: kind = "danger", onAsked = () => {} }: Props) {
  const [asking, setAsking] = useState(false);
  const { id, job_name: job, details } = of;
  const stop = async () => {
    if (await attempt(() => stopExecution(job, id), `${job} is asked to stop.`)) onAsked();
  };
  if (details?.stopping) return null;
  return (
    <>
      <button type="button" class={kind} aria-label={`Stop ${job}`} onClick={() => setAsking(true)}>
        Stop
      </button>
      {asking && (
        <Confirm
          title={`Stop this run of ${job}?`}
          text={`${result(of) === "waiting" ? WAITING : RUNNING} The run counts as failed, and no retry follows.`}
          verb="Stop"
          onYes={stop}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}

/** The state of a run that is stopping, with the grace that its pod has left. */
export function StoppingIcon({ of }: { of: Execution }) {
  const stopping = of.details?.stopping;
  return stopping ? <StateIcon state="waiting" word say={stoppingInWords(stopping, now.value)} /> : null;
}
