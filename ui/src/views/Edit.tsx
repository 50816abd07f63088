// A job to change, or to create: read, and kept up to date while it is edited.

import { useRef } from "preact/hooks";
import { Link } from "wouter-preact";
import { jobPath } from "../parts/links";
import { Empty, Failure, Loading } from "../parts/States";
import { useTitle } from "../parts/useTitle";
import type { LiveEvent } from "../state/live";
import { useQuery } from "../state/query";
import { Form } from "./edit/Form";
import { readStored, type Stored } from "./edit/save";

/** Seconds between two reads because of events: each run of the job is one, and changes no definition. */
const READ = 2;

export function Edit({ name }: { name: string | undefined }) {
  useTitle(name ? `Edit ${name}` : "New job");
  const concerns = (event: LiveEvent) => event.type === "job" && event.job.name === name;
  const job = useQuery(name ? `edit ${name}` : null, (signal) => readStored(name ?? "", signal), {
    concerns,
    atMostEvery: READ,
  });
  const opened = useRef<Stored>();
  opened.current ??= job.data;
  const isGone = job.error?.status === 404;
  if (isGone && !opened.current) return <Empty page title={`There is no job ${name}.`} />;
  return (
    <div class="edit">
      <header class="head">
        <div class="titles">
          <p class="crumbs">
            <Link href="/jobs">Jobs</Link>
            {name && (
              <>
                {" / "}
                <Link href={jobPath(name)}>{name}</Link>
              </>
            )}
          </p>
          <h1>{name ? `Edit ${name}` : "New job"}</h1>
        </div>
      </header>
      {isGone ? (
        <p class="note warn" role="alert">
          Another user has deleted this job. Save it to create it again.
        </p>
      ) : (
        <Failure query={job} />
      )}
      {name && !opened.current && job.loading && <Loading rows={8} />}
      {(!name || opened.current) && (
        <Form opened={opened.current} newest={isGone ? undefined : (job.data ?? opened.current)} reload={job.reload} />
      )}
    </div>
  );
}
