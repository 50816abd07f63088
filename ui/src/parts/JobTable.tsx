// The table of jobs. It draws the rows on the screen alone, so ten thousand jobs are as few elements as twenty.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import type { ListedJob } from "../api/jobs";
import type { Rows } from "../state/rows";
import { parentsInWords } from "../text/parents";
import { whyNot } from "../text/problem";
import { drawn, type Range } from "../text/rows";
import { result, taken, wasStopped } from "../text/slots";
import { duration, instant } from "../text/time";
import { JobMark } from "./JobMark";
import { Keeper } from "./Keeper";
import { useLatestRuns } from "./LatestRuns";
import { jobPath } from "./links";
import { RowActions } from "./RowActions";
import { Strip } from "./Strip";
import { Ago, Countdown } from "./Time";

/** Pixels of a row, and of one on a phone, which has more lines; style/views.css has the same numbers. */
const ROW = 36;
const TALL_ROW = 66;
const PHONE = matchMedia("(max-width: 760px)");
/** Milliseconds without scrolling after which the address says where the list is. */
const SETTLED = 300;

interface Column {
  /** The field to sort by; empty if the list cannot be sorted so. */
  field: string;
  title: string;
  kind: string;
}

const COLUMNS: readonly Column[] = [
  { field: "name", title: "Name", kind: "name-column" },
  { field: "", title: "Latest runs", kind: "wide runs-column" },
  { field: "took", title: "Took", kind: "wide number took-column" },
  { field: "schedule", title: "Schedule", kind: "medium schedule-column" },
  { field: "next", title: "Next", kind: "medium next-column" },
  { field: "last_success", title: "Last success", kind: "medium time-column" },
  { field: "last_error", title: "Last failure", kind: "wide time-column" },
  { field: "error_count", title: "Failed", kind: "wide number count-column" },
];

const OTHER_ORDER: Readonly<Record<string, string>> = { ASC: "DESC", DESC: "ASC" };
/** What is looked for in these is their largest. */
const LARGEST_FIRST: readonly string[] = ["took", "error_count"];

export interface Choosing {
  isChosen: (job: string) => boolean;
  choose: (job: ListedJob, chosen: boolean) => void;
  /** Choose all that match, or none. */
  chooseAll: (chosen: boolean) => void;
  count: number;
}

interface Props {
  rows: Rows;
  total: number;
  /** The first row to show. */
  first: number;
  sort: string;
  order: string;
  busyJobs: ReadonlySet<string>;
  /** Undefined for a reader who may do nothing with many jobs. */
  choosing: Choosing | undefined;
  onSort: (field: string, order: string) => void;
  onSettle: (first: number) => void;
}

export function JobTable({ rows, total, first, sort, order, busyJobs, choosing, onSort, onSettle }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const row = useRowHeight();
  const [range, setRange] = useState<Range>({ start: 0, end: 0 });
  const settle = useRef<ReturnType<typeof setTimeout>>();
  const measure = () => {
    if (!box.current) return;
    const next = drawn(box.current.scrollTop, box.current.clientHeight, row, total);
    setRange((before) => (before.start === next.start && before.end === next.end ? before : next));
    rows.draw(next);
  };
  const scroll = () => {
    measure();
    clearTimeout(settle.current);
    settle.current = setTimeout(() => onSettle(Math.floor((box.current?.scrollTop ?? 0) / row)), SETTLED);
  };
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = first * row;
    measure();
  }, []);
  useLayoutEffect(measure, [total, row]);
  useEffect(() => {
    const resized = new ResizeObserver(measure);
    if (box.current) resized.observe(box.current);
    return () => {
      resized.disconnect();
      clearTimeout(settle.current);
    };
  }, [total, row]);
  const shown = Array.from({ length: range.end - range.start }, (_, index) => range.start + index);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <div ref={box} class="scroll rows-box" role="region" aria-label="List of jobs" tabIndex={0} onScroll={scroll}>
      <table class="list" aria-busy={rows.query.loading} aria-rowcount={total + 1}>
        <caption class="spoken">Jobs</caption>
        <thead>
          <tr aria-rowindex={1}>
            {choosing && (
              <th scope="col" class="check-column">
                <input
                  type="checkbox"
                  aria-label={`Select all ${total} jobs of the list`}
                  checked={choosing.count > 0 && choosing.count >= total}
                  onChange={(event) => choosing.chooseAll(event.currentTarget.checked)}
                />
              </th>
            )}
            <th scope="col" class="mark-column">
              <span class="spoken">State</span>
            </th>
            {COLUMNS.map((column) => (
              <Heading key={column.title} column={column} sort={sort} order={order} onSort={onSort} />
            ))}
            <th scope="col" class="actions-column">
              <span class="spoken">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          <Gap height={range.start * row} />
          {shown.map((each) => (
            <Row key={each} row={each} job={rows.at(each)} rows={rows} busyJobs={busyJobs} choosing={choosing} />
          ))}
          <Gap height={(total - range.end) * row} />
        </tbody>
      </table>
    </div>
  );
}

/** It changes when a phone is turned, or the page is zoomed. */
function useRowHeight(): number {
  const [isPhone, setPhone] = useState(PHONE.matches);
  useEffect(() => {
    const changed = () => setPhone(PHONE.matches);
    PHONE.addEventListener("change", changed);
    return () => PHONE.removeEventListener("change", changed);
  }, []);
  return isPhone ? TALL_ROW : ROW;
}

function Heading({ column, sort, order, onSort }: { column: Column } & Pick<Props, "sort" | "order" | "onSort">) {
  const { field, title, kind } = column;
  const sorted = field !== "" && sort === field;
  return (
    <th scope="col" class={kind} aria-sort={sorted ? (order === "ASC" ? "ascending" : "descending") : undefined}>
      {field ? (
        <button
          type="button"
          class="sort"
          onClick={() =>
            onSort(field, sorted ? (OTHER_ORDER[order] ?? "ASC") : LARGEST_FIRST.includes(field) ? "DESC" : "ASC")
          }
        >
          {title}
        </button>
      ) : (
        title
      )}
    </th>
  );
}

/** The room of rows that are not drawn. */
function Gap({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    <tr class="gap">
      <td style={{ height: `${height}px` }} />
    </tr>
  );
}

interface RowProps {
  row: number;
  job: ListedJob | undefined;
  rows: Rows;
  busyJobs: ReadonlySet<string>;
  choosing: Choosing | undefined;
}

function Row({ row, job, rows, busyJobs, choosing }: RowProps) {
  const running = job !== undefined && busyJobs.has(job.name);
  const { cell, runs } = useLatestRuns(job, running);
  if (!job) {
    return (
      <tr class="pending" aria-rowindex={row + 2}>
        <td colSpan={choosing ? 3 : 2} ref={cell}>
          <span class="spoken">Loading</span>
        </td>
      </tr>
    );
  }
  const last = runs?.find((each) => result(each) !== "running");
  const chosen = choosing?.isChosen(job.name) ?? false;
  const when = job.schedule ? job.words || job.schedule : after(job);
  const next = <Countdown at={job.paused ? null : job.next} jobZone={job.timezone} never={whyNoNext(job)} />;
  return (
    <tr class={`${job.disabled ? "off" : ""} ${chosen ? "chosen" : ""}`} aria-rowindex={row + 2}>
      {choosing && (
        <td class="check-column">
          <input
            type="checkbox"
            aria-label={`Select ${job.name}`}
            checked={chosen}
            onChange={(event) => choosing.choose(job, event.currentTarget.checked)}
          />
        </td>
      )}
      <td class="mark-column">
        <JobMark of={{ ...job, stopped: wasStopped(runs ?? []) }} running={running} />
      </td>
      <th scope="row" class="name">
        <span class="name-line">
          <Link class="clip" href={jobPath(job.name)} title={job.name}>
            {job.name}
          </Link>
          <Keeper kept={job.kept_by} />
          {(job.problem || job.displayname) && (
            <span class={job.problem ? "sub bad clip" : "sub clip"} title={job.problem ?? job.displayname}>
              {job.problem ? whyNot(job.problem) : job.displayname}
            </span>
          )}
        </span>
        <span class="sub narrow">
          <span class="clip">
            {next} · {when || "on request"}
          </span>
          {instant(job.last_error) !== undefined && (
            <span class="clip">
              failed <Ago at={job.last_error} />
            </span>
          )}
        </span>
      </th>
      <td class="wide" ref={cell}>
        {runs ? <Strip executions={runs} /> : <i class="to-come" aria-hidden="true" />}
      </td>
      <td class="wide number nowrap">{last && duration(taken(last, 0))}</td>
      <td class="medium clip" title={[when, job.schedule, job.timezone || "UTC"].filter(Boolean).join("\n")}>
        {when}
      </td>
      <td class="medium nowrap">{next}</td>
      <td class="medium nowrap">
        <Ago at={job.last_success} jobZone={job.timezone} />
      </td>
      <td class="wide nowrap">
        <Ago at={job.last_error} jobZone={job.timezone} />
      </td>
      <td class="wide number">{job.error_count || ""}</td>
      <td class="actions">
        <RowActions job={job} replace={rows.replace} />
      </td>
    </tr>
  );
}

/** Why a job has no slot to come, in a word. */
function whyNoNext({ disabled, problem, paused }: ListedJob): string {
  if (disabled) return "disabled";
  if (problem) return "cannot run";
  return paused ? "paused" : "–";
}

/** The jobs that this one runs after. A job that was just changed is known by the first of them. */
function after({ parent_job, parents }: ListedJob): string {
  if (!parent_job) return "";
  return `after ${parents?.[0]?.job === parent_job ? parentsInWords(parents) : parent_job}`;
}
