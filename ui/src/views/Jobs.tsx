// All jobs: found, filtered and sorted by the server, so that ten thousand are as fast as ten.

import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import type { StateWord } from "../api/client";
import { allListed, busy, type ListedJob } from "../api/jobs";
import { BulkBar, mayDoMany, type Outcome } from "../parts/Bulk";
import { Choice, Search } from "../parts/Filters";
import { type Choosing, JobTable } from "../parts/JobTable";
import { ColumnChoice, SavedViews } from "../parts/ListMenus";
import { Empty, Failure, Loading } from "../parts/States";
import { useTitle } from "../parts/useTitle";
import { onEvents } from "../state/live";
import { tell } from "../state/notices";
import { useQuery } from "../state/query";
import { type Rows, useRows } from "../state/rows";
import { may } from "../state/session";

/** The content of a list, as the address says it; `at` is the first row on the screen, from 0. */
export interface View {
  q: string;
  state: string;
  disabled: string;
  sort: string;
  order: string;
  at: number;
}

const PLAIN: View = { q: "", state: "", disabled: "", sort: "name", order: "ASC", at: 0 };

/** The view that an address means. */
export function readView(search: string): View {
  const of = new URLSearchParams(search);
  const text = (key: keyof View) => of.get(key) ?? String(PLAIN[key]);
  const at = Math.max(0, Math.floor(Number(of.get("at")) || 0));
  const order = text("order").toUpperCase() === "DESC" ? "DESC" : "ASC";
  return { q: text("q"), state: text("state"), disabled: text("disabled"), sort: text("sort"), order, at };
}

/** The address of a view: only what differs from the plain list. */
export function addressFor(view: View): string {
  const of = new URLSearchParams();
  for (const key of ["q", "state", "disabled", "sort", "order"] as const) {
    if (view[key] !== PLAIN[key]) of.set(key, view[key]);
  }
  if (view.at) of.set("at", String(view.at));
  const text = of.toString();
  return text ? `/jobs?${text}` : "/jobs";
}

/** The words of the API for how a job stands, as people say it. */
const STATES: [StateWord | "slow" | "", string][] = [
  ["", "any state"],
  ["failing", "newest run failed"],
  ["invalid", "cannot run"],
  ["stuck", "stuck"],
  ["late", "late"],
  ["stale", "long without a success"],
  ["degraded", "degraded"],
  ["long", "runs for more than a day"],
  ["slow", "slower than usual"],
  ["running", "running"],
  ["waiting", "has runs in line"],
  ["ready", "runs by its schedule"],
  ["paused", "paused"],
  ["suspended", "disabled, paused or over"],
];

/** Jobs that one action may be for. */
const MOST_CHOSEN = 2000;

export function Jobs() {
  useTitle("Jobs");
  const [, go] = useLocation();
  const view = readView(useSearch());
  const show = (changes: Partial<View>) => go(addressFor({ ...view, at: 0, ...changes }), { replace: true });
  const { at, ...filter } = view;
  const rows = useRows(filter, at);
  useChangedRows(rows);
  const running = useQuery("busy", busy, { concerns: (event) => event.type === "execution" });
  const busyJobs = new Set((running.data ?? []).map((each) => each.job_name));
  const [chosen, setChosen] = useState<ReadonlyMap<string, ListedJob>>(new Map());
  const [outcome, setOutcome] = useState<Outcome>();
  const { total, query } = rows;
  const filtered = Boolean(view.q || view.state || view.disabled);
  const choosing: Choosing = {
    count: chosen.size,
    isChosen: (job) => chosen.has(job),
    choose: (job, isChosen) => {
      const next = new Map(chosen);
      if (isChosen) next.set(job.name, job);
      else next.delete(job.name);
      setChosen(next);
    },
    chooseAll: async (isChosen) => {
      if (!isChosen) return setChosen(new Map());
      try {
        const { items, total: all } = await allListed(filter, MOST_CHOSEN);
        setChosen(new Map(items.map((job) => [job.name, job])));
        if (all > items.length)
          tell(`The first ${items.length} of ${all} jobs are selected: an action is for so many.`);
      } catch (error) {
        tell(error instanceof Error ? error.message : String(error), true);
      }
    },
  };
  return (
    <div class="jobs">
      <header class="head">
        <h1>Jobs</h1>
        <Search
          label="Search in names, titles, owners, labels, commands and executors"
          hint="Name, owner, label, command"
          value={view.q}
          onChange={(q) => show({ q })}
        />
        <Choice label="State" value={view.state} options={STATES} onChange={(state) => show({ state })} />
        <Choice
          label="Enabled or disabled"
          value={view.disabled}
          options={[
            ["", "enabled or not"],
            ["false", "enabled"],
            ["true", "disabled"],
          ]}
          onChange={(disabled) => show({ disabled })}
        />
        {/* Screen readers tell of changes in what was there before. */}
        <span class="spoken" role="status">
          {outcome?.words ?? (chosen.size > 0 && `${chosen.size} selected`)}
        </span>
        <span class="muted count" role="status">
          {total === undefined ? "" : `${total} ${total === 1 ? "job" : "jobs"}`}
        </span>
        <SavedViews query={addressFor({ ...view, at: 0 }).split("?")[1] ?? ""} />
        <ColumnChoice />
        {may("create dkronjobs") && (
          <Link href="/new" class="button primary">
            New job
          </Link>
        )}
      </header>
      <Failure query={query} />
      {total === undefined && query.loading && <Loading rows={12} />}
      {(chosen.size > 0 || outcome) && (
        <BulkBar
          chosen={latest(chosen, rows)}
          outcome={outcome}
          onOutcome={(next) => {
            setOutcome(next);
            query.reload();
          }}
          onClear={() => setChosen(new Map())}
        />
      )}
      {total === 0 && (
        <Empty title={filtered ? "No job matches." : "There is no job yet."}>
          {filtered ? (
            <p>
              <Link href="/jobs">Show all jobs</Link>
            </p>
          ) : (
            <p class="muted">Create one here, with kubectl, or with Dkron's clients.</p>
          )}
        </Empty>
      )}
      {total !== undefined && total > 0 && (
        <JobTable
          key={JSON.stringify(filter)}
          rows={rows}
          total={total}
          first={at}
          sort={view.sort}
          order={view.order}
          busyJobs={busyJobs}
          choosing={mayDoMany() ? choosing : undefined}
          onSort={(sort, order) => show({ sort, order })}
          onSettle={(first) => first !== at && show({ at: first })}
        />
      )}
    </div>
  );
}

/** The chosen jobs as they are, where that is known, or as they were when they were chosen. */
function latest(chosen: ReadonlyMap<string, ListedJob>, rows: Rows): ListedJob[] {
  const known = rows.known();
  return [...chosen.values()].map((job) => known.get(job.name) ?? job);
}

/** Show changed jobs at once, before the list is read again. */
function useChangedRows(rows: Rows): void {
  const replace = useRef(rows.replace);
  replace.current = rows.replace;
  useEffect(
    () =>
      onEvents((events) => {
        replace.current(
          events.flatMap((event) => (event.type === "job" && event.action === "updated" ? [event.job] : [])),
        );
      }),
    [],
  );
}
