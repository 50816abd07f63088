// @vitest-environment happy-dom
import { describe, expect, test } from "vitest";
import type { Edge } from "../src/api/jobs";
import { chainsOf, graphOf, heightAt, neighbour, placeInWords } from "../src/model/graph";
import { sizesOf, tookWithin } from "../src/parts/ChainGraph";

const job = (name: string, ...parents: (string | Edge)[]) => ({
  name,
  parents: parents.map((each): Edge => (typeof each === "string" ? { job: each, when: "success" } : each)),
});
const DIAMOND = [job("a"), job("b", "a"), job("c", "a"), job("d", "b", { job: "c", when: "failure" })];

test.each([
  { name: "single jobs are in none", jobs: [job("single")], chains: [] },
  { name: "two that do not touch", jobs: [job("a"), job("x"), job("y", "x"), job("b", "a")], chains: ["ab", "xy"] },
  { name: "after a job that is gone", jobs: [job("b", "gone")], chains: ["b"] },
  { name: "a circle", jobs: [job("a", "b"), job("b", "a")], chains: ["ab"] },
])("chains: $name", ({ jobs, chains }) => {
  expect(chainsOf(jobs).map((chain) => chain.map((each) => each.name).join(""))).toEqual(chains);
});

describe("a graph", () => {
  test.each([
    { name: "of two ways", jobs: DIAMOND, places: { a: [0, 0], b: [1, 0], c: [1, 1], d: [2, 0] } },
    {
      name: "takes the longest way",
      jobs: [job("c", "a", "b"), job("a"), job("b", "a")],
      places: { a: [0, 0], b: [1, 0], c: [2, 0] },
    },
    { name: "ends in a circle", jobs: [job("a", "b"), job("b", "a")], places: { b: [0, 0], a: [1, 0] } },
    { name: "of a job after itself", jobs: [job("a", "a")], places: { a: [0, 0] } },
  ])("$name", ({ jobs, places }) => {
    const { nodes } = graphOf(jobs);
    expect(Object.fromEntries(nodes.map(({ job, column, row }) => [job.name, [column, row]]))).toEqual(places);
  });

  test("no two jobs share a place, whatever the arrows", () => {
    const jobs = Array.from({ length: 60 }, (_, at) => job(`j${at}`, `j${(at * 7) % 13}`, `j${(at * 5) % 29}`));
    const places = graphOf(jobs).nodes.map(({ column, row }) => `${column} ${row}`);
    expect(new Set(places).size).toBe(60);
  });

  test.each([
    { from: "a", key: "ArrowRight", to: "b" },
    { from: "b", key: "ArrowDown", to: "c" },
    { from: "c", key: "ArrowUp", to: "b" },
    { from: "c", key: "ArrowRight", to: "d" },
    { from: "d", key: "ArrowLeft", to: "b" },
    { from: "d", key: "Home", to: "a" },
    { from: "d", key: "ArrowRight", to: undefined },
    { from: "gone", key: "ArrowLeft", to: undefined },
  ])("$key at $from", ({ from, key, to }) => expect(neighbour(graphOf(DIAMOND), from, key)).toBe(to));

  test("a place in words", () => {
    const words = DIAMOND.map((each) => placeInWords(graphOf(DIAMOND), each));
    expect(words).toEqual([
      "then b, c",
      "after a succeeds; then d",
      "after a succeeds; then d",
      "after b succeeds and c fails",
    ]);
  });
});

test("two lines that end at one job are apart where their labels stand", () => {
  const into = (y: number) => heightAt([190, y], [268, 20], 39, 229);
  expect([into(20), into(66)]).toEqual([20, expect.closeTo(43, 1)]);
});

test.each([
  { columns: 2, room: 302, is: { wide: 117, gap: 56 } },
  { columns: 3, room: 302, is: { wide: 104, gap: 56 } },
  { columns: 2, room: 1200, is: { wide: 190, gap: 78 } },
  { columns: 2, room: 0, is: { wide: 190, gap: 78 } },
])("boxes of $columns columns in $room pixels", ({ columns, room, is }) => expect(sizesOf(columns, room)).toEqual(is));

test.each([
  { took: "took 59 min 59 s", letters: 20, is: "took 59 min 59 s" },
  { took: "took 59 min 59 s", letters: 8, is: "59 min 59 s" },
  { took: "took 4 s", letters: 8, is: "took 4 s" },
])("a box with room for $letters letters says $is", ({ took, letters, is }) =>
  expect(tookWithin(took, letters)).toBe(is),
);
