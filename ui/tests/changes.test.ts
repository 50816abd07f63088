import { describe, expect, test } from "vitest";
import type { Edge } from "../src/api/jobs";
import { changeOf, changesOf, clashesOf, merged, sameDefinition } from "../src/model/changes";
import type { Draft } from "../src/model/draft";
import { parentsInWords, saysMore } from "../src/model/parents";

const BASE: Draft = {
  name: "nightly",
  schedule: "@daily",
  retries: 0,
  tags: null,
  executor_config: { command: "date", shell: "true" },
  processors: { log: {} },
};

describe("changes", () => {
  test.each([
    { name: "none, whatever stands for nothing", after: { ...BASE, tags: {}, retries: undefined, owner: "" }, are: [] },
    { name: "none, by what only runs change", after: { ...BASE, success_count: 7, next: "x" }, are: [] },
    {
      name: "none, by defaults that are written",
      after: { ...BASE, concurrency: "allow", executor: "shell" },
      are: [],
    },
    { name: "a field", after: { ...BASE, schedule: "@hourly" }, are: [["schedule", "@daily", "@hourly"]] },
    {
      name: "a setting, and one that is gone",
      after: { ...BASE, executor_config: { command: "ls", shell: "" } },
      are: [
        ["executor_config command", "date", "ls"],
        ["executor_config shell", "true", undefined],
      ],
    },
    {
      name: "a key with dots, in the order of the fields",
      after: { ...BASE, metadata: { "a.b": "" }, retries: 2 },
      are: [
        ["retries", undefined, 2],
        ["metadata a.b", undefined, ""],
      ],
    },
  ])("$name", ({ after, are }) => {
    expect(changesOf(BASE, after).map((each) => [each.path.join(" "), each.before, each.after])).toEqual(are);
    expect(sameDefinition(BASE, after)).toBe(are.length === 0);
  });
});

test.each([
  { field: "schedule", before: "@daily", after: "@hourly", is: { path: ["schedule"] } },
  { field: "metadata.a.b", before: null, after: "", is: { path: ["metadata", "a.b"], before: undefined } },
  { field: "disabled", before: false, after: null, is: { path: ["disabled"], after: undefined } },
])("a difference of $field, as the API tells it", ({ is, ...told }) => {
  expect(changeOf(told)).toEqual({ before: told.before, after: told.after, ...is });
});

describe("two users", () => {
  const mine = { ...BASE, retries: 3, schedule: "@weekly", executor_config: { command: "ls" } };
  const theirs = { ...BASE, schedule: "@hourly", owner: "them", processors: { log: { forward: "true" } } };

  test("have changed one value in different ways", () => {
    expect(clashesOf(BASE, mine, theirs)).toEqual([{ path: ["schedule"], mine: "@weekly", theirs: "@hourly" }]);
    expect(clashesOf(BASE, mine, mine)).toEqual([]);
  });

  test.each([
    { name: "theirs counts", keep: false, schedule: "@hourly" },
    { name: "mine is kept", keep: true, schedule: "@weekly" },
  ])("come together: $name", ({ keep, schedule }) => {
    const found = merged(BASE, mine, theirs, () => keep);
    const both = { ...theirs, schedule, retries: 3, executor_config: { command: "ls" } };
    expect(found).toEqual(both);
    expect(theirs.schedule).toBe("@hourly");
  });

  test("a map that loses its last key, and one that gains its first", () => {
    const own = { ...BASE, processors: { log: { forward: "true" } }, tags: { zone: "a" } };
    expect(merged(BASE, own, { ...BASE, owner: "x" }, () => false)).toEqual({ ...own, owner: "x" });
    expect(merged(own, BASE, { ...own, owner: "x" }, () => false).processors).toEqual({ log: {} });
  });
});

test.each<{ parents: Edge[]; words: string; more: boolean }>([
  { parents: [], words: "", more: false },
  { parents: [{ job: "a", when: "success" }], words: "a", more: false },
  { parents: [{ job: "a", when: "always" }], words: "a (however it ends)", more: true },
  {
    parents: [
      { job: "a", when: "success" },
      { job: "b", when: "failure" },
    ],
    words: "a, b (if it fails)",
    more: true,
  },
])("runs after: $words", ({ parents, words, more }) => {
  expect(parentsInWords(parents)).toBe(words);
  expect(saysMore(parents)).toBe(more);
});
