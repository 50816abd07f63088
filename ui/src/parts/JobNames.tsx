// Suggests names of jobs for a field, as a datalist: what is typed stays as it is.

import { findJobs } from "../api/jobs";
import { lastName } from "../model/backfills";
import { useQuery } from "../state/query";

const MOST = 12;

/** The suggestions for the last name in `text`, which may have others before it. */
export function JobNames({ id, text }: { id: string; text: string }) {
  const [before, last] = lastName(text);
  const found = useQuery(last ? `names ${last}` : null, (signal) => findJobs(last, MOST, signal));
  return (
    <datalist id={id}>
      {(last ? (found.data ?? []) : []).map(({ name, displayname }) => (
        <option key={name} value={before + name}>
          {displayname}
        </option>
      ))}
    </datalist>
  );
}
