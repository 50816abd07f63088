// A reader's actions on the job of a row: run it, with values if it takes them, and enable or disable it.

import { useState } from "preact/hooks";
import { type Details, detailsOf } from "../api/details";
import { type ListedJob, runJob, toggleJob } from "../api/jobs";
import { attempt, tell } from "../state/notices";
import type { Rows } from "../state/rows";
import { may } from "../state/session";
import { RunForm } from "./RunForm";
import { Shape } from "./StateIcon";

export function RowActions({ job, replace }: { job: ListedJob; replace: Rows["replace"] }) {
  const [details, setDetails] = useState<Details>();
  const run = async () => {
    let found: Details;
    try {
      found = await detailsOf(job.name);
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), true);
      return;
    }
    if (found.parameters.length) setDetails(found);
    else await attempt(() => runJob(job.name), `${job.name} is asked to run.`);
  };
  const toggle = () =>
    attempt(
      async () => replace([await toggleJob(job.name)]),
      job.disabled ? `${job.name} is enabled.` : `${job.name} is disabled.`,
    );
  return (
    <>
      {may("create dkronjobs/run") && (
        <button
          type="button"
          class="icon"
          aria-label={`Run ${job.name}`}
          title={job.paused ? "Paused: no run begins" : "Run now"}
          disabled={Boolean(job.paused) || (job.disabled && !job.parent_job)}
          onClick={run}
        >
          <Shape of="running" />
        </button>
      )}
      {may("update dkronjobs/toggle") && (
        <button
          type="button"
          class="icon"
          aria-label={`${job.disabled ? "Enable" : "Disable"} ${job.name}`}
          title={job.disabled ? "Enable" : "Disable"}
          onClick={toggle}
        >
          <Shape of={job.disabled ? "success" : "disabled"} />
        </button>
      )}
      {details && <RunForm job={job.name} parameters={details.parameters} onClose={() => setDetails(undefined)} />}
    </>
  );
}
