// A list of jobs as long as it is, of which only a part is read: what is on the screen, and what was a moment ago.

import { useMemo, useRef, useState } from "preact/hooks";
import { type JobsWanted, type ListedJob, listJobs } from "../api/jobs";
import { PORTION, type Range, wanted } from "../model/rows";
import { type Query, useQuery } from "./query";

/** Rows that are kept although they are not on the screen. */
const KEPT = 600;

interface Part {
  readonly of: string;
  readonly start: number;
  readonly items: ListedJob[];
  readonly total: number;
}

export interface Rows {
  /** How many jobs match; undefined until the first answer. */
  readonly total: number | undefined;
  readonly query: Query<Part>;
  /** The job of a row; undefined while it is read. */
  at: (row: number) => ListedJob | undefined;
  /** Say which rows are drawn. */
  draw: (range: Range) => void;
  /** Show other fields of jobs at once. */
  replace: (jobs: readonly ListedJob[]) => void;
  /** The jobs that are known, by their names. */
  known: () => Map<string, ListedJob>;
}

export function useRows(filter: JobsWanted, first: number): Rows {
  const [range, draw] = useState<Range>({ start: first, end: first + PORTION / 2 });
  const of = JSON.stringify(filter);
  const { start, end } = wanted(range);
  const query = useQuery<Part>(
    `${of} ${start} ${end}`,
    async (signal) => ({ ...(await listJobs({ ...filter, start, end }, signal)), of, start }),
    { concerns: (event) => event.type === "job", atMostEvery: 3, every: 30 },
  );
  const known = useRef({ of, rows: new Map<number, ListedJob>() });
  const { data } = query;
  const rows = useMemo(() => {
    if (known.current.of !== of) known.current = { of, rows: new Map() };
    const { rows } = known.current;
    if (data?.of === of) merge(rows, data);
    return rows;
  }, [of, data]);
  return {
    total: data?.total,
    query,
    at: (row) => rows.get(row),
    draw: (next) => draw((before) => (before.start === next.start && before.end === next.end ? before : next)),
    replace: (jobs) => {
      const changed = new Map(jobs.map((job) => [job.name, job]));
      const next = (job: ListedJob) => ({ ...job, ...changed.get(job.name) });
      let shown = false;
      for (const [row, job] of rows) {
        if (!changed.has(job.name)) continue;
        rows.set(row, next(job));
        shown = true;
      }
      if (shown) query.change((part) => ({ ...part, items: part.items.map(next) }));
    },
    known: () => new Map([...rows.values()].map((job) => [job.name, job])),
  };
}

/** Take over a part of the list, and forget what is far from it. */
export function merge(rows: Map<number, ListedJob>, { start, items, total }: Omit<Part, "of">): void {
  for (const [index, job] of items.entries()) rows.set(start + index, job);
  for (const row of rows.keys()) {
    if (row >= total || row < start - KEPT / 2 || row > start + items.length + KEPT / 2) rows.delete(row);
  }
}
