// Jobs that run after one another, from left to right. One stop of the Tab key; arrows go from job to job.

import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { type Executions, lastTaken, newestRun } from "../model/chainRun";
import { type Graph, graphOf, type Linked, type Node, neighbour, placeInWords } from "../model/graph";
import type { State } from "../model/state";
import { duration } from "../model/time";
import { jobPath } from "./links";
import { StateIcon, shapeOf, wordFor } from "./StateIcon";
import { Elapsed, When } from "./Time";
import { useChainRuns } from "./useChainRuns";

const BOX = { width: 190, height: 44 };
const GAP = { column: 78, row: 12 };
const PAD = 6;
/** Characters of a name that fit into its box. */
const FITS = 23;
/** Jobs that are drawn of one chain. */
const MOST = 300;

export interface Drawn extends Linked {
  readonly disabled?: boolean;
  readonly state: State;
}

interface Props {
  jobs: readonly Drawn[];
  /** The job of the view; empty for none. */
  current?: string;
  label: string;
}

export function ChainGraph({ jobs: all, current = "", label }: Props) {
  const jobs = all.slice(0, MOST);
  const graph = graphOf(jobs);
  const svg = useRef<SVGSVGElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const runs = useChainRuns(
    box,
    jobs.map(({ name }) => name),
  );
  const newest = newestRun(jobs, runs);
  const first = graph.nodes.find((each) => each.column === 0)?.job.name ?? "";
  const [focused, setFocused] = useState(current || first);
  const [, go] = useLocation();
  const stop = jobs.some((each) => each.name === focused) ? focused : first;
  useEffect(() => {
    // A long chain is scrolled to the job of the view.
    const at = graph.nodes.find((each) => each.job.name === current);
    if (box.current && at) box.current.scrollLeft = corner(at)[0] - (box.current.clientWidth - BOX.width) / 2;
  }, [current, jobs.length]);
  const press = (event: KeyboardEvent, name: string) => {
    const next = neighbour(graph, name, event.key);
    if (next === undefined) return;
    event.preventDefault();
    setFocused(next);
    svg.current?.querySelector<SVGAElement>(`[data-job="${CSS.escape(next)}"]`)?.focus();
  };
  const width = graph.columns * (BOX.width + GAP.column) - GAP.column + 2 * PAD;
  const height = graph.rows * (BOX.height + GAP.row) - GAP.row + 2 * PAD;
  const place = new Map(graph.nodes.map((each) => [each.job.name, each]));
  return (
    <div class="graph">
      <div class="scroll" ref={box}>
        <svg
          ref={svg}
          width={width}
          height={height}
          role="group"
          aria-label={`${label}. Arrow keys go from job to job.`}
        >
          {graph.arrows.map(({ from, to, when }) => {
            const [a, b] = [place.get(from), place.get(to)];
            if (!a || !b) return null;
            return <ArrowLine key={`${from} ${to}`} from={a} to={b} when={when} />;
          })}
          {graph.nodes.map((node) => (
            <Box
              key={node.job.name}
              node={node}
              words={wordsFor(node.job, graph, runs)}
              took={tookOf(node.job, runs)}
              current={node.job.name === current}
              tabIndex={node.job.name === stop ? 0 : -1}
              onKey={(event) => press(event, node.job.name)}
              onFocus={() => setFocused(node.job.name)}
              onOpen={() => go(jobPath(node.job.name))}
            />
          ))}
        </svg>
      </div>
      {all.length > MOST && (
        <p class="muted">
          {MOST} of {all.length} jobs are drawn. Open one of them to see those that are near it.
        </p>
      )}
      {newest && (
        <p class="muted chain-run">
          The newest run began <When at={newest.began} />{" "}
          {newest.ended === undefined ? (
            <>
              and is still running, after <Elapsed since={newest.began} />
            </>
          ) : (
            <>
              and ended <When at={newest.ended} />, in {duration(newest.ended - newest.began)}
            </>
          )}
        </p>
      )}
      <details>
        <summary>As a list</summary>
        <ul class="chain-words">
          {graph.nodes.map(({ job }) => (
            <li key={job.name}>
              <StateIcon state={job.state} /> <Link href={jobPath(job.name)}>{job.name}</Link>{" "}
              <span class="muted">{[placeInWords(graph, job), tookOf(job, runs)].filter(Boolean).join("; ")}</span>
            </li>
          ))}
        </ul>
      </details>
    </div>
  );
}

/** How long the newest run of the job took; empty if that is not known. */
function tookOf({ name }: Drawn, runs: Executions): string {
  const length = lastTaken(runs.get(name));
  return length === undefined ? "" : `took ${duration(length)}`;
}

function wordsFor(job: Drawn, graph: Graph<Drawn>, runs: Executions): string {
  return [job.name, wordFor(job.state), placeInWords(graph, job), tookOf(job, runs)].filter(Boolean).join(", ");
}

interface BoxProps {
  node: Node<Drawn>;
  words: string;
  took: string;
  current: boolean;
  tabIndex: number;
  onKey: (event: KeyboardEvent) => void;
  onFocus: () => void;
  onOpen: () => void;
}

function Box({ node, words, took, current, tabIndex, onKey, onFocus, onOpen }: BoxProps) {
  const { job } = node;
  const [x, y] = corner(node);
  return (
    <>
      <Link
        href={jobPath(job.name)}
        data-job={job.name}
        class={`box ${job.state} ${current ? "current" : ""}`}
        aria-label={words}
        aria-current={current ? "page" : undefined}
        tabIndex={tabIndex}
        onKeyDown={(event: KeyboardEvent) => {
          // Enter opens a link of HTML by itself, and one of SVG not in every browser.
          if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
            event.preventDefault();
            onOpen();
          } else onKey(event);
        }}
        onFocus={onFocus}
      >
        <title>{words}</title>
        <rect x={x} y={y} width={BOX.width} height={BOX.height} rx={7} />
        <path class="shape" transform={`translate(${x + 9} ${y + 14})`} d={shapeOf(job.state)} />
        <text x={x + 32} y={y + (took ? 19 : 26.5)}>
          {job.name.length > FITS ? `${job.name.slice(0, FITS - 1)}…` : job.name}
        </text>
      </Link>
      {/* The label of the link says it, too: its content has to be a part of that. */}
      {took && (
        <text class="took" x={x + 32} y={y + 35}>
          {took}
        </text>
      )}
    </>
  );
}

const SAYS = { success: "", failure: "on failure", always: "always" };

function ArrowLine({ from, to, when }: { from: Node<Drawn>; to: Node<Drawn>; when: keyof typeof SAYS }) {
  const [ax, ay] = corner(from);
  const [bx, by] = corner(to);
  const start = [ax + BOX.width, ay + BOX.height / 2] as const;
  const end = [bx - 1, by + BOX.height / 2] as const;
  const bend = Math.max(24, (end[0] - start[0]) / 2);
  const line = `M${start[0]} ${start[1]}C${start[0] + bend} ${start[1]} ${end[0] - bend} ${end[1]} ${end[0]} ${end[1]}`;
  return (
    <g class={`arrow ${when}`}>
      <path d={line} />
      <path class="head" d={`M${end[0]} ${end[1]}l-7 -4v8Z`} />
      {SAYS[when] && (
        <text x={end[0] - 8} y={end[1] - 6}>
          {SAYS[when]}
        </text>
      )}
    </g>
  );
}

function corner({ column, row }: Node<Drawn>): readonly [number, number] {
  return [PAD + column * (BOX.width + GAP.column), PAD + row * (BOX.height + GAP.row)];
}
