// A list of executions of all jobs, as far as it is read; the rest comes as its reader goes down.

import { useEffect } from "preact/hooks";
import { Link } from "wouter-preact";
import type { Execution } from "../api/client";
import { inOrder } from "../model/ansi";
import { placeInWords } from "../model/queue";
import { CAUSES } from "../model/runs";
import { isOver, isStopped, lastLine, neverBegan, result, sinceOf, taken, whyFailed } from "../model/slots";
import { duration, inZone } from "../model/time";
import { now } from "../state/clock";
import { shownZone } from "../state/preferences";
import type { Runs } from "../state/runs";
import { Gap, useDrawnRows } from "./DrawnRows";
import { executionPath } from "./links";
import { StateIcon, wordFor } from "./StateIcon";
import { Elapsed, When } from "./Time";

/** Rows from the end at which the next page is asked for. */
const AHEAD = 30;

const COLUMNS = [
  { title: "Job", kind: "name-column" },
  { title: "Began", kind: "medium began-column" },
  { title: "Ended", kind: "wide began-column" },
  { title: "Took", kind: "medium number took-column" },
  { title: "Cause", kind: "wide cause-column" },
  { title: "Node", kind: "wide owner-column" },
  { title: "Output", kind: "medium output-column" },
];

interface Props {
  runs: Runs;
  items: readonly Execution[];
}

export function RunList({ runs, items }: Props) {
  return (
    <>
      <Rows runs={runs} items={items} />
      <More runs={runs} />
    </>
  );
}

function Rows({ runs, items }: Props) {
  const { isWhole, isHalted, loading, moreError } = runs;
  const { box, range, row, scroll } = useDrawnRows({ total: items.length });
  useEffect(() => {
    if (!isWhole && !isHalted && !moreError && range.end > items.length - AHEAD) runs.more();
  }, [isWhole, isHalted, moreError, loading, range.end, items.length]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <div ref={box} class="scroll rows-box" role="region" aria-label="List of executions" tabIndex={0} onScroll={scroll}>
      <table class="list" aria-busy={runs.loading} aria-rowcount={isWhole ? items.length + 1 : -1}>
        <caption class="spoken">Executions, the last to end first</caption>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" class="state-column">
              <span class="spoken">Result</span>
            </th>
            {COLUMNS.map(({ title, kind }) => (
              <th key={title} scope="col" class={kind}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap height={range.start * row} />
          {items.slice(range.start, range.end).map((each, index) => (
            <Row key={each.id} run={each} index={range.start + index} />
          ))}
          <Gap height={(items.length - range.end) * row} />
        </tbody>
      </table>
    </div>
  );
}

/** Why the list ends here, if it is not whole. */
function More({ runs }: { runs: Runs }) {
  if (runs.moreError) {
    return (
      <div class="note bad" role="alert">
        <p>{runs.moreError.message}</p>
        <button type="button" onClick={runs.more}>
          Try again
        </button>
      </div>
    );
  }
  if (!runs.isHalted) return null;
  return (
    <div class="note" role="status">
      <p>A search looks at so many outputs at a time. Older ones are not searched yet.</p>
      <button type="button" aria-disabled={runs.loading} onClick={runs.more}>
        Search on
      </button>
    </div>
  );
}

const CAUSE_WORDS: ReadonlyMap<string, string> = new Map(CAUSES);

function Row({ run, index }: { run: Execution; index: number }) {
  const kind = result(run);
  const zone = shownZone();
  const why = inZone(whyFailed(run), now.peek(), zone);
  const output = inOrder(isStopped(run) ? why : lastLine(run) || why);
  const began = neverBegan(run) ? undefined : run.started_at;
  const took = isOver(run) ? began && duration(taken(run, 0)) : <Elapsed since={sinceOf(run)} />;
  const cause = run.details?.trigger ?? "";
  return (
    <tr aria-rowindex={index + 2}>
      <td class="state-column">
        <StateIcon state={isStopped(run) ? "stopped" : kind} />
      </td>
      <th scope="row" class="name">
        <span class="name-line">
          <Link
            class="clip"
            href={executionPath(run.job_name, run.id)}
            title={`Open this execution of ${run.job_name}`}
          >
            {run.job_name}
          </Link>
          <span class="sub clip">
            {run.details?.member && `on ${run.details.member} `}
            {(run.attempt ?? 1) > 1 && `attempt ${run.attempt}`}
          </span>
        </span>
        <span class="sub narrow">
          <span class="clip">
            <When at={began} never="never began" />
            {took && <>, {took}</>}
          </span>
          <span class="clip mono">{output}</span>
        </span>
      </th>
      <td class="medium nowrap">
        <When at={began} />
      </td>
      <td class="wide nowrap">
        {isOver(run) ? <When at={run.finished_at} /> : [wordFor(kind), placeInWords(run)].filter(Boolean).join(", ")}
      </td>
      <td class="medium number nowrap">{took}</td>
      <td class="wide clip">{CAUSE_WORDS.get(cause) ?? cause}</td>
      <td class="wide clip" title={run.node_name}>
        {run.node_name}
      </td>
      <td class="medium mono clip" title={why}>
        {output}
      </td>
    </tr>
  );
}
