// A reader's actions on one job: run and edit it, and behind a menu all that is rare.

import { useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import type { Job as JobBody } from "../api/client";
import { type Details, detailsOf, pausedBy } from "../api/details";
import { deleteJob, runJob, toggleJob } from "../api/jobs";
import { attempt } from "../state/notices";
import { may as mayHere, type Right } from "../state/session";
import { Confirm } from "./Confirm";
import { jobPath } from "./links";
import { Menu } from "./Menu";
import { RunForm } from "./RunForm";

interface Props {
  job: JobBody;
  /** Undefined until they are read: whether a run takes values is known by them. */
  details: Details | undefined;
  /** The reader's permissions for this job. */
  may: (right: Right) => boolean;
  replace: (next: JobBody) => void;
}

export function JobActions({ job, details, may, replace }: Props) {
  const [, go] = useLocation();
  const [asking, setAsking] = useState(false);
  const [ordering, setOrdering] = useState(false);
  const takesValues = (details?.parameters.length ?? 0) > 0;
  const paused = pausedBy(details);
  const mayForce = may("update dkronjobs/force");
  const obstacle = paused
    ? `it is ${paused}`
    : job.disabled
      ? "it is disabled"
      : job.concurrency === "forbid" && !job.queue
        ? "another run may be active, which its concurrency forbids"
        : "";
  const run = async () => {
    // Whether it takes values may not be known yet. The server refuses a run without those that it needs.
    const known = details ?? (await detailsOf(job.name).catch(() => undefined));
    if (known?.parameters.length || paused) setOrdering(true);
    else await attempt(() => runJob(job.name), `${job.name} is asked to run.`);
  };
  const toggle = () =>
    attempt(
      async () => replace(await toggleJob(job.name)),
      job.disabled ? `${job.name} is enabled.` : `${job.name} is disabled.`,
    );
  const remove = async () => {
    if (await attempt(() => deleteJob(job.name), `${job.name} is deleted.`)) go("/jobs");
  };
  return (
    <div class="buttons">
      {may("create dkronjobs/run") && (
        <button
          type="button"
          class="primary"
          disabled={paused ? !mayForce : job.disabled && !job.parent_job && !(takesValues && mayForce)}
          title={paused && `It is ${paused}.`}
          onClick={run}
        >
          Run now{(takesValues || paused) && "…"}
        </button>
      )}
      {may("update dkronjobs") && (
        <Link class="button" href={`${jobPath(job.name)}/edit`}>
          Edit
        </Link>
      )}
      <Menu label="More actions">
        {may("create dkronjobs/run") && !takesValues && (
          <button type="button" onClick={() => setOrdering(true)}>
            Run with…
          </button>
        )}
        {may("update dkronjobs/toggle") && (
          <button type="button" onClick={toggle}>
            {job.disabled ? "Enable" : "Disable"}
          </button>
        )}
        {mayHere("create dkronpauses") && (
          <Link class="button" href={`/pauses/new?job=${encodeURIComponent(job.name)}`}>
            Pause
          </Link>
        )}
        {job.schedule && mayHere("create dkronbackfills") && (
          <Link class="button" href={`/backfills/new?job=${encodeURIComponent(job.name)}`}>
            Backfill
          </Link>
        )}
        {may("delete dkronjobs") && (
          <button type="button" class="danger" onClick={() => setAsking(true)}>
            Delete
          </button>
        )}
      </Menu>
      {ordering && (
        <RunForm
          job={job.name}
          parameters={details?.parameters ?? []}
          obstacle={mayForce ? obstacle : ""}
          onClose={() => setOrdering(false)}
        />
      )}
      {asking && (
        <Confirm
          title={`Delete ${job.name}?`}
          text="Its executions are deleted with it, and runs that are active are stopped."
          verb="Delete"
          onYes={remove}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}
