// Pauses: which jobs do not run for a while, who wants that, why, and until when.

import { useState } from "preact/hooks";
import { Link, useSearch } from "wouter-preact";
import { endPause, listPauses, type Pause } from "../api/pauses";
import { PAUSE_WORDS, pausedJobs } from "../model/backfills";
import { jobPath } from "../parts/links";
import { Pager, pageIn } from "../parts/Pager";
import { ResumeDialog } from "../parts/ResumeDialog";
import { StateIcon } from "../parts/StateIcon";
import { Empty, Failure, Loading } from "../parts/States";
import { type Column, Table } from "../parts/Table";
import { When } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { attempt } from "../state/notices";
import { pauseChanges, pausesChanged } from "../state/pauses";
import { useQuery } from "../state/query";
import { may, whoami } from "../state/session";

const COLUMNS: readonly Column[] = [
  { title: "State" },
  { title: "Jobs" },
  { title: "Why", kind: "medium" },
  { title: "Who", kind: "medium" },
  { title: "Until", kind: "medium" },
  { title: "Afterwards", kind: "wide" },
  { title: "Since", kind: "wide" },
  { title: "Actions", spoken: true },
];

const PAGE = 50;

export function Pauses() {
  useTitle("Pauses");
  const page = pageIn(useSearch());
  const mayList = may("list dkronpauses");
  const list = useQuery(
    mayList ? `pauses ${page} ${pauseChanges()}` : null,
    (signal) => listPauses({ start: page * PAGE, end: (page + 1) * PAGE }, signal),
    { every: 5 },
  );
  const { data } = list;
  if (!mayList) return <Empty page title="Your rights do not allow you to see pauses here." />;
  return (
    <div class="pauses">
      <header class="head">
        <h1>Pauses</h1>
        <span class="muted count" role="status">
          {data ? `${data.total} ${data.total === 1 ? "pause" : "pauses"}` : ""}
        </span>
        {may("create dkronpauses") && (
          <Link href="/pauses/new" class="button primary">
            Pause jobs
          </Link>
        )}
      </header>
      <Failure query={list} />
      {!data && list.loading && <Loading rows={6} />}
      {data?.total === 0 && (
        <Empty title="Nothing is paused.">
          <p class="muted">
            A pause keeps jobs from running by schedule or after others, without changing them. What runs goes on.
          </p>
        </Empty>
      )}
      {data && data.items.length > 0 && (
        <Table caption="Pauses, the newest first" columns={COLUMNS}>
          {data.items.map((each) => (
            <Row key={`${each.namespace} ${each.name}`} pause={each} />
          ))}
        </Table>
      )}
      {data && <Pager page={page} size={PAGE} total={data.total} to={(to) => `/pauses?page=${to + 1}`} />}
    </div>
  );
}

function Row({ pause }: { pause: Pause }) {
  const { name, state, jobs, status, until, reason, paused_by } = pause;
  const [asking, setAsking] = useState(false);
  const [only] = jobs;
  const isHere = pause.namespace === whoami.value?.namespace;
  const verb = state === "holds" || state === "unseen" ? "Resume" : "Delete";
  const end = async () => {
    if (await attempt(() => endPause(name), verb === "Resume" ? "The jobs go on." : `${name} is deleted.`)) {
      pausesChanged();
    }
  };
  return (
    <tr class={state === "expired" ? "off" : ""}>
      <td>
        <StateIcon state={state === "holds" ? "disabled" : "waiting"} word say={PAUSE_WORDS[state]} />
      </td>
      <th scope="row" class="name">
        {only && jobs.length === 1 ? <Link href={jobPath(only)}>{only}</Link> : pausedJobs(pause)}
        {reason && <span class="sub narrow">{reason}</span>}
        <span class="sub narrow">
          {paused_by && `by ${paused_by}, `}until <When at={until} never="it is resumed" />
        </span>
        <span class="sub clip" title={status.message}>
          {state === "holds" ? `holds ${status.jobs} ${status.jobs === 1 ? "job" : "jobs"}` : status.message}
          {!isHere && `; kept in ${pause.namespace}`}
        </span>
      </th>
      <td class="why medium">{reason || <span class="muted">–</span>}</td>
      <td class="medium">{paused_by || <span class="muted">–</span>}</td>
      <td class="nowrap medium">
        <When at={until} never="it is resumed" />
      </td>
      <td class="wide">{pause.when_resumed === "drop" ? "slots are skipped" : "missed slots, as the job says"}</td>
      <td class="wide nowrap">
        <When at={pause.created_at} />
      </td>
      <td class="actions">
        {isHere && may("delete dkronpauses") && (
          <button
            type="button"
            class="quiet"
            aria-label={`${verb} ${pausedJobs(pause)}`}
            onClick={() => (verb === "Delete" ? end() : setAsking(true))}
          >
            {verb}
          </button>
        )}
        {asking && <ResumeDialog pause={pause} onYes={end} onClose={() => setAsking(false)} />}
      </td>
    </tr>
  );
}
