// Jobs that run after one another, from left to right. One stop of the Tab key; arrows go from job to job.

import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { type Executions, lastTaken, newestRun } from "../model/chainRun";
import { type Graph, graphOf, heightAt, type Linked, type Node, neighbour, placeInWords } from "../model/graph";
import type { State } from "../model/state";
import { duration } from "../model/time";
import { jobPath } from "./links";
import { StateIcon, shapeOf, wordFor } from "./StateIcon";
import { Elapsed, When } from "./Time";
import { useChainRuns } from "./useChainRuns";
import { useWidth } from "./useWidth";

const BOX = { width: 190, least: 104, height: 44 };
const GAP = { column: 78, least: 56, row: 12 };
const PAD = 6;
/** Pixels of a box beside its name, and of a letter. */
const [SIDES, LETTER] = [40, 7.3];
/** Pixels of a drawing below which boxes and gaps are narrower. */
const NARROW = 480;
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
  const { box, width: room } = useWidth<HTMLDivElement>();
  const runs = useChainRuns(
    box,
    jobs.map(({ name }) => name),
  );
  const newest = newestRun(jobs, runs);
  const first = graph.nodes.find((each) => each.column === 0)?.job.name ?? "";
  const [focused, setFocused] = useState(current || first);
  const [, go] = useLocation();
  const stop = jobs.some((each) => each.name === focused) ? focused : first;
  const sizes = sizesOf(graph.columns, room);
  const { wide, gap } = sizes;
  useEffect(() => {
    // A long chain is scrolled to the job of the view.
    const at = graph.nodes.find((each) => each.job.name === current);
    if (box.current && at) box.current.scrollLeft = corner(at, { wide, gap })[0] - (box.current.clientWidth - wide) / 2;
  }, [current, jobs.length, wide, gap]);
  const press = (event: KeyboardEvent, name: string) => {
    const next = neighbour(graph, name, event.key);
    if (next === undefined) return;
    event.preventDefault();
    setFocused(next);
    svg.current?.querySelector<SVGAElement>(`[data-job="${CSS.escape(next)}"]`)?.focus();
  };
  const width = graph.columns * (wide + gap) - gap + 2 * PAD;
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
            return <ArrowLine key={`${from} ${to}`} from={a} to={b} when={when} sizes={sizes} />;
          })}
          {graph.nodes.map((node) => (
            <Box
              key={node.job.name}
              node={node}
              sizes={sizes}
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

/** In a narrow box the time only: its label has the word. */
export function tookWithin(took: string, letters: number): string {
  return took.length > letters ? took.replace("took ", "") : took;
}

function wordsFor(job: Drawn, graph: Graph<Drawn>, runs: Executions): string {
  return [job.name, wordFor(job.state), placeInWords(graph, job), tookOf(job, runs)].filter(Boolean).join(", ");
}

interface BoxProps {
  node: Node<Drawn>;
  sizes: Sizes;
  words: string;
  took: string;
  current: boolean;
  tabIndex: number;
  onKey: (event: KeyboardEvent) => void;
  onFocus: () => void;
  onOpen: () => void;
}

function Box({ node, sizes, words, took, current, tabIndex, onKey, onFocus, onOpen }: BoxProps) {
  const { job } = node;
  const [x, y] = corner(node, sizes);
  const { wide } = sizes;
  const fits = Math.floor((wide - SIDES) / LETTER);
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
        <rect x={x} y={y} width={wide} height={BOX.height} rx={7} />
        <path class="shape" transform={`translate(${x + 9} ${y + 14})`} d={shapeOf(job.state)} />
        <text x={x + 32} y={y + (took ? 19 : 26.5)}>
          {job.name.length > fits ? `${job.name.slice(0, fits - 1)}…` : job.name}
        </text>
      </Link>
      {/* The label of the link says it, too: its content has to be a part of that. */}
      {took && (
        <text class="took" x={x + 32} y={y + 35}>
          {tookWithin(took, fits)}
        </text>
      )}
    </>
  );
}

const SAYS = { success: "", failure: "on failure", always: "always" };

interface ArrowProps {
  from: Node<Drawn>;
  to: Node<Drawn>;
  when: keyof typeof SAYS;
  sizes: Sizes;
}

function ArrowLine({ from, to, when, sizes }: ArrowProps) {
  const [ax, ay] = corner(from, sizes);
  const [bx, by] = corner(to, sizes);
  const start = [ax + sizes.wide, ay + BOX.height / 2] as const;
  const end = [bx - 1, by + BOX.height / 2] as const;
  const bend = Math.max(24, (end[0] - start[0]) / 2);
  // In the gap before its end no box hides it, and no two lines are at one height there.
  const at = end[0] - sizes.gap / 2;
  const line = `M${start[0]} ${start[1]}C${start[0] + bend} ${start[1]} ${end[0] - bend} ${end[1]} ${end[0]} ${end[1]}`;
  return (
    <g class={`arrow ${when}`}>
      <path d={line} />
      <path class="head" d={`M${end[0]} ${end[1]}l-7 -4v8Z`} />
      {SAYS[when] && (
        <text x={at} y={heightAt(start, end, bend, at) + 3.5}>
          {SAYS[when]}
        </text>
      )}
    </g>
  );
}

export interface Sizes {
  /** Pixels of a box, and between two. */
  readonly wide: number;
  readonly gap: number;
}

/** On a phone boxes and gaps are narrower, so that two columns fit. */
export function sizesOf(columns: number, room: number): Sizes {
  const gap = room && room < NARROW ? GAP.least : GAP.column;
  const free = Math.floor((room - 2 * PAD - (columns - 1) * gap) / Math.max(1, columns));
  return { gap, wide: room ? Math.max(BOX.least, Math.min(BOX.width, free)) : BOX.width };
}

function corner({ column, row }: Node<Drawn>, { wide, gap }: Sizes): readonly [number, number] {
  return [PAD + column * (wide + gap), PAD + row * (BOX.height + GAP.row)];
}
