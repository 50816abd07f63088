// All jobs: found, filtered, sorted and cut into pages by the server, so that ten thousand are as fast as ten.

import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import type { Execution, StateWord } from "../api/client";
import { busy, executionsOf, type ListedJob, listJobs, runJob, toggleJob } from "../api/jobs";
import { jobPath } from "../parts/links";
import { Mark, type State } from "../parts/Mark";
import { Empty, Failure, Loading } from "../parts/States";
import { Strip } from "../parts/Strip";
import { Countdown, When } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { onEvents } from "../state/live";
import { attempt } from "../state/notices";
import { useQuery } from "../state/query";
import { may } from "../state/session";

export const PAGE = 50;

/** What a list shows, as the address says it. */
export interface View {
  q: string;
  state: string;
  disabled: string;
  sort: string;
  order: string;
  page: number;
}

const PLAIN: View = { q: "", state: "", disabled: "", sort: "name", order: "ASC", page: 0 };

/** The view that an address means. */
export function readView(search: string): View {
  const of = new URLSearchParams(search);
  const text = (key: keyof View) => of.get(key) ?? String(PLAIN[key]);
  const page = Math.max(0, Math.floor(Number(of.get("page")) || 1) - 1);
  const order = text("order").toUpperCase() === "DESC" ? "DESC" : "ASC";
  return { q: text("q"), state: text("state"), disabled: text("disabled"), sort: text("sort"), order, page };
}

/** The address of a view: only what differs from the plain list. */
export function addressFor(view: View): string {
  const of = new URLSearchParams();
  for (const key of ["q", "state", "disabled", "sort", "order"] as const) {
    if (view[key] !== PLAIN[key]) of.set(key, view[key]);
  }
  if (view.page) of.set("page", String(view.page + 1));
  const text = of.toString();
  return text ? `/jobs?${text}` : "/jobs";
}

/** The words of the API for how a job stands, as people say it. */
const STATES: [StateWord | "", string][] = [
  ["", "any state"],
  ["failing", "newest run failed"],
  ["invalid", "cannot run"],
  ["stuck", "stuck"],
  ["late", "late"],
  ["stale", "long without a success"],
  ["degraded", "degraded"],
  ["long", "runs for more than a day"],
  ["running", "running"],
  ["ready", "runs by its schedule"],
  ["suspended", "suspended"],
  ["paused", "paused"],
];

export function stateOf(job: Pick<ListedJob, "disabled" | "status">, running: boolean): State {
  if (running) return "running";
  if (job.disabled) return "disabled";
  return job.status || "untriggered";
}

export function Jobs() {
  useTitle("Jobs");
  const [, go] = useLocation();
  const view = readView(useSearch());
  const show = (changes: Partial<View>) => go(addressFor({ ...view, page: 0, ...changes }), { replace: true });
  const start = view.page * PAGE;
  const list = useQuery(JSON.stringify(view), (signal) => listJobs({ ...view, start, end: start + PAGE }, signal), {
    concerns: (event) => event.type === "job",
    atMostEvery: 3,
    every: 30,
  });
  useChangedRows(list.change);
  const running = useQuery("busy", busy, { concerns: (event) => event.type === "execution" });
  const busyJobs = new Set((running.data ?? []).map((each) => each.job_name));
  const { data } = list;
  const filtered = Boolean(view.q || view.state || view.disabled);
  return (
    <div class="jobs">
      <header class="head">
        <h1>Jobs</h1>
        <Search value={view.q} onChange={(q) => show({ q })} />
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
        <span class="muted count" role="status">
          {data ? `${data.total} ${data.total === 1 ? "job" : "jobs"}` : ""}
        </span>
        {may("create dkronjobs") && (
          <Link href="/new" class="button primary">
            New job
          </Link>
        )}
      </header>
      <Failure query={list} />
      {!data && list.loading && <Loading rows={12} />}
      {data?.total === 0 && (
        <Empty title={filtered ? "No job matches." : "There is no job yet."}>
          {filtered ? (
            <p>
              Upper and lower case matter in names. <Link href="/jobs">Show all jobs</Link>
            </p>
          ) : (
            <p class="muted">Create one here, with kubectl, or with Dkron's clients.</p>
          )}
        </Empty>
      )}
      {data && data.items.length > 0 && (
        <Table
          view={view}
          jobs={data.items}
          busyJobs={busyJobs}
          show={show}
          change={list.change}
          loading={list.loading}
        />
      )}
      {data && data.total > 0 && data.items.length === 0 && (
        <Empty title="This page is after the last one.">
          <p>
            <Link href={addressFor({ ...view, page: 0 })}>Go to the first page</Link>
          </p>
        </Empty>
      )}
      {data && data.total > PAGE && <Pages view={view} total={data.total} />}
    </div>
  );
}

type Change = (next: (data: { items: ListedJob[]; total: number }) => { items: ListedJob[]; total: number }) => void;

/** Show changed jobs at once, before the list is read again. */
function useChangedRows(change: Change): void {
  useEffect(
    () =>
      onEvents((events) => {
        const changed = new Map<string, ListedJob>();
        for (const event of events) {
          if (event.type === "job" && event.action === "updated") changed.set(event.job.name, event.job);
        }
        if (changed.size) {
          change((data) => ({ ...data, items: data.items.map((job) => changed.get(job.name) ?? job) }));
        }
      }),
    [change],
  );
}

function Search({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => setText(value), [value]);
  return (
    <input
      type="search"
      aria-label="Search in names"
      placeholder="Search in names"
      value={text}
      onInput={(event) => {
        const typed = event.currentTarget.value;
        setText(typed);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onChange(typed), 200);
      }}
    />
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: [string, string][];
  onChange: (value: string) => void;
}

function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      {options.map(([key, words]) => (
        <option key={key} value={key}>
          {words}
        </option>
      ))}
    </select>
  );
}

interface TableProps {
  view: View;
  jobs: readonly ListedJob[];
  busyJobs: ReadonlySet<string>;
  show: (changes: Partial<View>) => void;
  change: Change;
  loading: boolean;
}

const COLUMNS: [string, string, string][] = [
  ["name", "Name", ""],
  ["", "Latest runs", "wide"],
  ["schedule", "Schedule", "medium"],
  ["next", "Next", ""],
  ["last_success", "Last success", "medium"],
  ["last_error", "Last failure", "wide"],
  ["error_count", "Failed", "wide number"],
];

function Table({ view, jobs, busyJobs, show, change, loading }: TableProps) {
  const sortBy = (sort: string) => show({ sort, order: view.sort === sort && view.order === "ASC" ? "DESC" : "ASC" });
  return (
    <div class="scroll">
      <table class="list" aria-busy={loading}>
        <caption class="spoken">Jobs</caption>
        <thead>
          <tr>
            <th scope="col">
              <span class="spoken">State</span>
            </th>
            {COLUMNS.map(([field, title, kind]) => (
              <th
                key={title}
                scope="col"
                class={kind}
                aria-sort={
                  field && view.sort === field ? (view.order === "ASC" ? "ascending" : "descending") : undefined
                }
              >
                {field ? (
                  <button type="button" class="sort" onClick={() => sortBy(field)}>
                    {title}
                  </button>
                ) : (
                  title
                )}
              </th>
            ))}
            <th scope="col">
              <span class="spoken">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <Row key={job.name} job={job} running={busyJobs.has(job.name)} change={change} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ job, running, change }: { job: ListedJob; running: boolean; change: Change }) {
  const replace = (next: ListedJob) =>
    change((data) => ({ ...data, items: data.items.map((each) => (each.name === next.name ? next : each)) }));
  const toggle = () =>
    attempt(
      async () => replace(await toggleJob(job.name)),
      job.disabled ? `${job.name} is enabled.` : `${job.name} is disabled.`,
    );
  return (
    <tr class={job.disabled ? "off" : ""}>
      <td>
        <Mark state={stateOf(job, running)} />
      </td>
      <th scope="row" class="name">
        <Link href={jobPath(job.name)}>{job.name}</Link>
        {(job.problem || job.displayname) && (
          <span class={job.problem ? "sub bad clip" : "sub clip"} title={job.problem ?? job.displayname}>
            {job.problem ?? job.displayname}
          </span>
        )}
      </th>
      <td class="wide">
        <LazyStrip job={job} running={running} />
      </td>
      <td class="medium mono clip" title={job.timezone || "UTC"}>
        {job.schedule || (job.parent_job ? `after ${job.parent_job}` : "")}
      </td>
      <td class="nowrap">
        <Countdown at={job.next} jobZone={job.timezone} never={job.disabled ? "disabled" : "–"} />
      </td>
      <td class="medium nowrap">
        <When at={job.last_success} jobZone={job.timezone} />
      </td>
      <td class="wide nowrap">
        <When at={job.last_error} jobZone={job.timezone} />
      </td>
      <td class="wide number">{job.error_count || ""}</td>
      <td class="actions">
        {may("create dkronjobs/run") && (
          <button
            type="button"
            class="quiet"
            aria-label={`Run ${job.name}`}
            disabled={job.disabled && !job.parent_job}
            onClick={() => attempt(() => runJob(job.name), `${job.name} is asked to run.`)}
          >
            Run
          </button>
        )}
        {may("update dkronjobs/toggle") && (
          <button
            type="button"
            class="quiet"
            aria-label={`${job.disabled ? "Enable" : "Disable"} ${job.name}`}
            onClick={toggle}
          >
            {job.disabled ? "Enable" : "Disable"}
          </button>
        )}
      </td>
    </tr>
  );
}

const strips = new Map<string, { version: string; executions: Execution[] }>();
const MOST_STRIPS = 500;
let reading = Promise.resolve();

/** Reads the executions of a job once its row is on the screen, one job after the other. */
function LazyStrip({ job, running }: { job: ListedJob; running: boolean }) {
  const cell = useRef<HTMLDivElement>(null);
  const version = `${job.success_count} ${job.error_count} ${running}`;
  const [shown, setShown] = useState(strips.get(job.name)?.executions);
  useEffect(() => {
    const known = strips.get(job.name);
    if (known?.version === version) {
      setShown(known.executions);
      return undefined;
    }
    const control = new AbortController();
    const read = async () => {
      if (control.signal.aborted) return;
      try {
        const executions = await executionsOf(job.name, 0, control.signal);
        strips.set(job.name, { version, executions });
        if (strips.size > MOST_STRIPS) strips.delete(strips.keys().next().value ?? "");
        setShown(executions);
      } catch {
        // The list itself says what is wrong with the server.
      }
    };
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        observer.disconnect();
        reading = reading.then(read);
      }
    });
    if (cell.current) observer.observe(cell.current);
    return () => {
      observer.disconnect();
      control.abort();
    };
  }, [job.name, version]);
  return <div ref={cell}>{shown && <Strip executions={shown} />}</div>;
}

function Pages({ view, total }: { view: View; total: number }) {
  const last = Math.ceil(total / PAGE) - 1;
  const to = (page: number) => addressFor({ ...view, page });
  const first = view.page * PAGE + 1;
  return (
    <nav class="pages" aria-label="Pages of the list">
      {view.page > 0 ? <Link href={to(view.page - 1)}>Previous</Link> : <span class="muted">Previous</span>}
      <span>
        {first} to {Math.min(total, first + PAGE - 1)} of {total}
      </span>
      {view.page < last ? <Link href={to(view.page + 1)}>Next</Link> : <span class="muted">Next</span>}
    </nav>
  );
}
