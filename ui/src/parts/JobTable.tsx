// The table of jobs. It draws only the rows on the screen, so ten thousand jobs are as few elements as twenty.

import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";
import type { ListedJob } from "../api/jobs";
import { COLUMNS, type Column, type ColumnKey } from "../model/columns";
import { parentsInWords } from "../model/parents";
import { whyNot } from "../model/problem";
import { runsPath } from "../model/runs";
import { hasWaiting, isOver, taken, wasStopped } from "../model/slots";
import { duration, instant } from "../model/time";
import { columns } from "../state/preferences";
import type { Rows } from "../state/rows";
import { Gap, useDrawnRows } from "./DrawnRows";
import { JobStateIcon } from "./JobStateIcon";
import { Keeper } from "./Keeper";
import { useLatestRuns } from "./LatestRuns";
import { jobPath } from "./links";
import { RowActions } from "./RowActions";
import { RunBars } from "./RunBars";
import { Ago, Countdown } from "./Time";

const OTHER_ORDER: Readonly<Record<string, string>> = { ASC: "DESC", DESC: "ASC" };
/** A reader looks for the largest in these. */
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
  const { box, range, row, scroll } = useDrawnRows({ total, first, onDraw: rows.draw, onSettle });
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
            <th scope="col" class="state-column">
              <span class="spoken">State</span>
            </th>
            <Heading column={NAME} sort={sort} order={order} onSort={onSort} />
            {columnsShown().map((column) => (
              <Heading key={column.key} column={column} sort={sort} order={order} onSort={onSort} />
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

const NAME: Head = { field: "name", title: "Name", heading: "name-column" };
type Head = Pick<Column, "field" | "title" | "heading">;

function columnsShown(): Column[] {
  return COLUMNS.filter(({ key }) => columns.value.includes(key));
}

function Heading({ column, sort, order, onSort }: { column: Head } & Pick<Props, "sort" | "order" | "onSort">) {
  const { field, title, heading } = column;
  const sorted = field !== "" && sort === field;
  return (
    <th scope="col" class={heading} aria-sort={sorted ? (order === "ASC" ? "ascending" : "descending") : undefined}>
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
  const last = runs?.find(isOver);
  const chosen = choosing?.isChosen(job.name) ?? false;
  const when = job.schedule ? job.words || job.schedule : after(job);
  const next = <Countdown at={job.paused ? null : job.next} jobZone={job.timezone} never={whyNoNext(job)} />;
  const metadata = Object.entries(job.metadata ?? {}).map(([key, value]) => `${key}=${value}`);
  const titles: Partial<Record<ColumnKey, string>> = {
    schedule: [when, job.schedule, job.timezone || "UTC"].filter(Boolean).join("\n"),
    owner: job.owner,
    metadata: metadata.join("\n"),
  };
  const cells: Record<ColumnKey, ComponentChildren> = {
    runs: runs ? <RunBars executions={runs} /> : <i class="to-come" aria-hidden="true" />,
    took: last && duration(taken(last, 0)),
    schedule: when,
    next,
    last_success: <Ago at={job.last_success} jobZone={job.timezone} />,
    last_error: <Ago at={job.last_error} jobZone={job.timezone} />,
    error_count: job.error_count > 0 && (
      <Link href={runsPath({ jobs: [job.name], state: "failed" })}>{job.error_count}</Link>
    ),
    owner: job.owner,
    executor: job.executor,
    metadata: metadata.join(", "),
  };
  const shown = columnsShown();
  // The runs are read once a cell that shows them is on the screen.
  const seen = shown.find(({ key }) => key === "runs" || key === "took")?.key;
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
      <td class="state-column">
        <JobStateIcon
          of={{ ...job, stopped: wasStopped(runs ?? []), waiting: hasWaiting(runs ?? []) }}
          running={running}
        />
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
      {shown.map(({ key, cell: kind }) => (
        <td key={key} class={kind} ref={key === seen ? cell : undefined} title={titles[key]}>
          {cells[key]}
        </td>
      ))}
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
