// All executions: found by time, result, cause, job, owner and output, by the server. The address holds what is looked for.

import { useEffect, useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { CAUSES, countInWords, type RunsFilter, readRuns, runsPath, STATES } from "../model/runs";
import { readSpan, SUGGESTED, spanInWords } from "../model/span";
import { BesideRuns } from "../parts/BesideRuns";
import { Asked, Choice } from "../parts/Filters";
import { JobNames } from "../parts/JobNames";
import { RunList } from "../parts/RunList";
import { Empty, Failure, Loading } from "../parts/States";
import { useTitle } from "../parts/useTitle";
import { now } from "../state/clock";
import { shownZone } from "../state/preferences";
import { useRuns } from "../state/runs";
import { may } from "../state/session";

export function Runs() {
  useTitle("Runs");
  const [, go] = useLocation();
  const filter = readRuns(useSearch());
  const show = (changes: Partial<RunsFilter>) => go(runsPath({ ...filter, ...changes }), { replace: true });
  const [names, setNames] = useState(filter.jobs.join(", "));
  const runs = useRuns(filter);
  const { items } = runs;
  const isFiltered = runsPath(filter) !== runsPath({});
  return (
    <div class="all-runs">
      <header class="head">
        <h1>Runs</h1>
        <Times filter={filter} onChange={(span) => show({ from: undefined, to: undefined, at: undefined, ...span })} />
        <Choice label="Result" value={filter.state} options={STATES} onChange={(state) => show({ state })} />
        <Choice label="Cause" value={filter.cause} options={CAUSES} onChange={(cause) => show({ cause })} />
        <Asked
          label="Jobs, by their names"
          hint="Jobs"
          list="names-of-runs"
          value={filter.jobs.join(", ")}
          onType={setNames}
          onChange={(text) => show({ jobs: text.split(/[\s,]+/).filter(Boolean) })}
        />
        <JobNames id="names-of-runs" text={names} />
        <Asked
          label="Owner of the jobs"
          hint="Owner"
          value={filter.owner}
          onChange={(text) => show({ owner: text.trim() })}
        />
        <Asked
          label="Search in outputs"
          hint="Text in the output"
          type="search"
          value={filter.q}
          onChange={(q) => show({ q })}
        />
        <Backfill filter={filter} />
        <span class="muted count" role="status">
          {items ? countInWords(items.length, runs.total, runs.isWhole) : ""}
        </span>
      </header>
      <Failure query={runs} />
      {runs.warning && <p class="note warn">{runs.warning}</p>}
      <BesideRuns key={runsPath(filter)} filter={filter} />
      {!items && runs.loading && <Loading rows={12} />}
      {items?.length === 0 && !runs.isHalted && runs.isWhole && (
        <Empty title={isFiltered ? "No execution matches." : "Nothing has run yet."}>
          {isFiltered ? (
            <p>
              <Link href="/runs">Show all executions</Link>
            </p>
          ) : (
            <p class="muted">What runs appears here at once.</p>
          )}
        </Empty>
      )}
      {items && (items.length > 0 || !runs.isWhole) && <RunList key={runsPath(filter)} runs={runs} items={items} />}
    </div>
  );
}

const DAY = 86_400_000;

/** Runs the slots of a day again, where the list is of a day of one job. Days of backfills are in UTC. */
function Backfill({ filter: { jobs, from, to } }: { filter: RunsFilter }) {
  const isDay = from !== undefined && to === from + DAY && from % DAY === 0 && from <= now.peek();
  if (!isDay || jobs.length !== 1 || !may("create dkronbackfills")) return null;
  const query = new URLSearchParams({ job: jobs[0] ?? "", day: new Date(from).toISOString().slice(0, 10) });
  return (
    <Link class="button" href={`/backfills/new?${query}`}>
      Backfill this day
    </Link>
  );
}

interface TimesProps {
  filter: RunsFilter;
  onChange: (span: Pick<RunsFilter, "from" | "to" | "at">) => void;
}

/** The box for a time. It shows how it was understood, as a date. */
function Times({ filter, onChange }: TimesProps) {
  const zone = shownZone();
  const [isWrong, setWrong] = useState(false);
  const words = spanInWords(filter, zone);
  useEffect(() => setWrong(false), [words]);
  return (
    <>
      <Asked
        label="When it ran, such as 05:41, yesterday 02:30 or last tuesday"
        hint="05:41, yesterday 02:30"
        list="times-of-runs"
        value={words}
        isWrong={isWrong}
        onType={() => setWrong(false)}
        onChange={(text) => {
          const span = readSpan(text, now.peek(), zone);
          setWrong(span === undefined);
          if (span) onChange(span);
        }}
      />
      <datalist id="times-of-runs">
        {SUGGESTED.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      {isWrong && (
        <p class="note bad" role="alert">
          This is no time. Type one such as 05:41, yesterday 02:30, last tuesday, 2026-11-27, last 2 hours, or 02:00 to
          03:30.
        </p>
      )}
    </>
  );
}
