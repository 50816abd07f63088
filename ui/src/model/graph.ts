// Which jobs run after which, as a drawing from left to right: a column for each step of a chain. Pure.

import type { Edge } from "../api/jobs";

export interface Linked {
  readonly name: string;
  readonly parents?: readonly Edge[];
}

export interface Node<T> {
  readonly job: T;
  readonly column: number;
  readonly row: number;
}

export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly when: Edge["when"];
}

export interface Graph<T> {
  readonly nodes: readonly Node<T>[];
  readonly arrows: readonly Arrow[];
  readonly columns: number;
  readonly rows: number;
}

/** The jobs that are connected with one another, as groups in the order of their first job. Single jobs are left out. */
export function chainsOf<T extends Linked>(jobs: readonly T[]): T[][] {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  const near = new Map<string, string[]>();
  const join = (one: string, other: string) => near.get(one)?.push(other) ?? near.set(one, [other]);
  for (const { name, parents } of jobs) {
    for (const { job } of parents ?? []) {
      join(name, job);
      join(job, name);
    }
  }
  const seen = new Set<string>();
  const found: T[][] = [];
  for (const { name } of jobs) {
    if (seen.has(name) || !near.has(name)) continue;
    const ahead = [name];
    seen.add(name);
    for (const each of ahead) {
      for (const other of near.get(each) ?? []) {
        if (seen.has(other)) continue;
        seen.add(other);
        ahead.push(other);
      }
    }
    found.push(ahead.map((each) => byName.get(each)).filter((job) => job !== undefined));
  }
  return found;
}

/** Where each job is drawn. A job is right of all its parents, unless they run after one another in a circle. */
export function graphOf<T extends Linked>(jobs: readonly T[]): Graph<T> {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  const arrows = jobs.flatMap(({ name, parents }) =>
    (parents ?? []).filter(({ job }) => byName.has(job)).map(({ job, when }) => ({ from: job, to: name, when })),
  );
  const column = columnsOf(
    jobs.map(({ name }) => name),
    arrows,
  );
  const columns: T[][] = [];
  for (const job of jobs) {
    const at = column.get(job.name) ?? 0;
    const list = columns[at] ?? [];
    list.push(job);
    columns[at] = list;
  }
  const row = new Map<string, number>();
  const into = grouped(arrows, "to", "from");
  for (const list of columns) {
    // Each job stands near its parents, which have their rows already.
    const place = ({ name }: T) => {
      const rows = (into.get(name) ?? []).map((each) => row.get(each)).filter((each) => each !== undefined);
      return rows.length ? rows.reduce((sum, each) => sum + each, 0) / rows.length : Number.MAX_SAFE_INTEGER;
    };
    const order = new Map(list.map((job) => [job.name, place(job)]));
    list.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));
    let free = 0;
    for (const { name } of list) {
      const wanted = order.get(name) ?? 0;
      free = wanted < Number.MAX_SAFE_INTEGER ? Math.max(free, Math.floor(wanted)) : free;
      row.set(name, free++);
    }
  }
  const nodes = jobs.map((job) => ({ job, column: column.get(job.name) ?? 0, row: row.get(job.name) ?? 0 }));
  return { nodes, arrows, columns: columns.length, rows: Math.max(0, ...row.values()) + 1 };
}

/** How many steps each job is after the first: the longest way to it. Arrows that close a circle do not count. */
function columnsOf(names: readonly string[], arrows: readonly Arrow[]): Map<string, number> {
  const into = grouped(arrows, "to", "from");
  const found = new Map<string, number>();
  const open = new Set<string>();
  for (const start of names) {
    const way = [start];
    while (way.length) {
      const name = way[way.length - 1] ?? "";
      open.add(name);
      const parents = into.get(name) ?? [];
      const ahead = parents.find((each) => !found.has(each) && !open.has(each));
      if (ahead !== undefined) {
        way.push(ahead);
        continue;
      }
      if (!found.has(name)) found.set(name, Math.max(-1, ...parents.map((each) => found.get(each) ?? -1)) + 1);
      open.delete(name);
      way.pop();
    }
  }
  return found;
}

function grouped(arrows: readonly Arrow[], by: "from" | "to", what: "from" | "to"): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const arrow of arrows) {
    const list = found.get(arrow[by]);
    if (list) list.push(arrow[what]);
    else found.set(arrow[by], [arrow[what]]);
  }
  return found;
}

type Point = readonly [number, number];

/** How high the curve of an arrow is at `x`: it leaves `start` and reaches `end` level, with `bend` pixels to turn. */
export function heightAt(start: Point, end: Point, bend: number, x: number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 20; step++) {
    const t = (low + high) / 2;
    const u = 1 - t;
    const found = u ** 3 * start[0] + 3 * u * t * (u * (start[0] + bend) + t * (end[0] - bend)) + t ** 3 * end[0];
    if (found < x) low = t;
    else high = t;
  }
  return start[1] + (end[1] - start[1]) * (3 * low ** 2 - 2 * low ** 3);
}

/** The job that an arrow key leads to; undefined if there is none. */
export function neighbour<T extends Linked>(graph: Graph<T>, name: string, key: string): string | undefined {
  const here = graph.nodes.find((each) => each.job.name === name);
  if (!here) return undefined;
  const distance = (each: Node<T>) => Math.abs(each.row - here.row);
  const nearest = (names: readonly string[]) =>
    graph.nodes.filter((each) => names.includes(each.job.name)).sort((a, b) => distance(a) - distance(b))[0]?.job.name;
  const beside = (step: 1 | -1) =>
    graph.nodes
      .filter((each) => each.column === here.column && (each.row - here.row) * step > 0)
      .sort((a, b) => distance(a) - distance(b))[0]?.job.name;
  switch (key) {
    case "ArrowRight":
      return nearest(graph.arrows.filter(({ from }) => from === name).map(({ to }) => to));
    case "ArrowLeft":
      return nearest(graph.arrows.filter(({ to }) => to === name).map(({ from }) => from));
    case "ArrowDown":
      return beside(1);
    case "ArrowUp":
      return beside(-1);
    case "Home":
      return graph.nodes.find((each) => each.column === 0)?.job.name;
    default:
      return undefined;
  }
}

const WHEN = { success: "succeeds", failure: "fails", always: "ends" };

/** The jobs before and after a job: `after extract succeeds; then alarm, report`. */
export function placeInWords<T extends Linked>({ arrows }: Graph<T>, job: T): string {
  const before = (job.parents ?? []).map((each) => `${each.job} ${WHEN[each.when]}`);
  const then = arrows.filter(({ from }) => from === job.name).map(({ to }) => to);
  const words = [];
  if (before.length) words.push(`after ${before.join(" and ")}`);
  if (then.length) words.push(`then ${then.join(", ")}`);
  return words.join("; ");
}
