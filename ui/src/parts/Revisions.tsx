// The definitions that a job has had: when, by whom, and what each of them changed. They are read once they are opened.

import { useState } from "preact/hooks";
import { differencesOf, type Revision, revisionsOf } from "../api/revisions";
import { changeOf } from "../model/changes";
import { LABELS } from "../model/draft";
import { useQuery } from "../state/query";
import { Differences } from "./Differences";
import { Failure, Loading } from "./States";
import { When } from "./Time";

export function Revisions({ job }: { job: string }) {
  const [isOpen, setOpen] = useState(false);
  const found = useQuery(isOpen ? `revisions ${job}` : null, (signal) => revisionsOf(job, signal));
  return (
    <details class="revisions" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Changes of this job</summary>
      <Failure query={found} />
      {!found.data && found.loading && <Loading />}
      {found.data?.length === 0 && <p class="muted">None is known yet.</p>}
      <ol>
        {found.data?.map((each, index, { length }) => (
          <li key={`${each.generation} ${each.at}`}>
            <One job={job} revision={each} name={nameOf(each, found.data ?? [])} isFirst={index === length - 1} />
          </li>
        ))}
      </ol>
    </details>
  );
}

/** Its number, or its time where an earlier job of the same name has had a revision with that number. */
function nameOf({ generation, at }: Revision, all: Revision[]): string {
  return all.filter((each) => each.generation === generation).length > 1 ? at : String(generation);
}

interface OneProps {
  job: string;
  revision: Revision;
  name: string;
  /** Whether none is known before it. */
  isFirst: boolean;
}

function One({ job, name, revision: { at, by, changed }, isFirst }: OneProps) {
  const [isOpen, setOpen] = useState(false);
  const found = useQuery(isOpen && changed.length ? `revision ${job} ${name} ${at}` : null, (signal) =>
    differencesOf(job, name, signal),
  );
  const what = changed.map((field) => LABELS[field] ?? field).join(", ");
  const words = (
    <>
      <When at={at} dated /> <span class="muted">{by && `by ${by}`}</span>
      <span class="what">{what || (isFirst ? "the first that is known" : "the same as before")}</span>
    </>
  );
  if (!changed.length) return <p class="unchanged">{words}</p>;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{words}</summary>
      <Failure query={found} />
      {!found.data && found.loading && <Loading rows={1} />}
      {found.data && <Differences changes={found.data.map(changeOf)} />}
    </details>
  );
}
