// A job to change, or to create: read, and kept up to date while it is edited.

import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { Link } from "wouter-preact";
import { type Details, detailsOf } from "../api/details";
import { parentsInWords, saysMore } from "../model/parents";
import { yaml } from "../model/yaml";
import { Copy } from "../parts/Copy";
import { jobPath } from "../parts/links";
import { Empty, Failure, Loading } from "../parts/States";
import { useTitle } from "../parts/useTitle";
import type { LiveEvent } from "../state/live";
import { useQuery } from "../state/query";
import { useAwaitedRight } from "../state/rights";
import { may } from "../state/session";
import { Form } from "./edit/Form";
import { readStored, type Stored } from "./edit/save";

/** Seconds between two reads because of events: each run of the job is one, and changes no definition. */
const READ = 2;

export function Edit({ name }: { name: string | undefined }) {
  return name ? <EditJob name={name} /> : <NewJob />;
}

function NewJob() {
  useTitle("New job");
  if (!may("create dkronjobs")) return <Empty page title="Your rights do not allow a new job here." />;
  return (
    <div class="edit">
      <Head title="New job" />
      <Form opened={undefined} newest={undefined} reload={() => {}} may={may} />
    </div>
  );
}

function EditJob({ name }: { name: string }) {
  useTitle(`Edit ${name}`);
  const concerns = (event: LiveEvent) => event.type === "job" && event.job.name === name;
  const job = useQuery(`edit ${name}`, (signal) => readStored(name, signal), {
    concerns,
    atMostEvery: READ,
  });
  const opened = useRef<Stored>();
  opened.current ??= job.data;
  // A right that is lost later takes nothing away that was typed: the server refuses the save.
  const right = useAwaitedRight(name, "update dkronjobs");
  const allowed = useRef(false);
  allowed.current ||= right.allowed === true;
  const isGone = job.error?.status === 404;
  const details = useQuery(isGone ? null : `details ${name}`, (signal) => detailsOf(name, signal), {
    concerns,
    atMostEvery: 5,
  });
  const known = useRef<Details>();
  known.current = details.data ?? known.current;
  if (isGone && !opened.current) return <Empty page title={`There is no job ${name}.`} />;
  if (right.allowed === false && !allowed.current) {
    return (
      <Empty page title={`Your rights do not allow a change of ${name}.`}>
        <p>
          <Link href={jobPath(name)}>Go to the job</Link>
        </p>
      </Empty>
    );
  }
  return (
    <div class="edit">
      <Head title={`Edit ${name}`}>
        {" / "}
        <Link href={jobPath(name)}>{name}</Link>
      </Head>
      {isGone ? <Gone was={known.current} /> : <Failure query={job} />}
      {!(opened.current && allowed.current) && !job.error && <Loading rows={8} />}
      {opened.current && allowed.current && (
        <Form
          opened={opened.current}
          newest={isGone ? undefined : (job.data ?? opened.current)}
          reload={job.reload}
          may={right.may}
          details={details}
        />
      )}
    </div>
  );
}

/** Another user has deleted the job. The form knows only Dkron's fields: its manifest has the rest. */
function Gone({ was }: { was: Details | undefined }) {
  const parents = was?.chain.find((each) => each.name === was.job)?.parents ?? [];
  return (
    <div class="note warn" role="alert">
      <p>
        Another user has deleted this job. Save it to create it again, with what this form shows
        {saysMore(parents) && ` and only after ${parents[0]?.job}, not ${parentsInWords(parents)}`}. To have all of it
        again, as parameters, notifications and all that it runs after, apply its last manifest.
      </p>
      {was?.manifest && <Copy text={yaml(was.manifest)} label="Copy the manifest" />}
    </div>
  );
}

function Head({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <header class="head">
      <div class="titles">
        <p class="crumbs">
          <Link href="/jobs">Jobs</Link>
          {children}
        </p>
        <h1>{title}</h1>
      </div>
    </header>
  );
}
