// @vitest-environment happy-dom
import { describe, expect, test, vi } from "vitest";
import { findJobs } from "../src/api/jobs";
import { COLUMNS, columnsIn } from "../src/model/columns";
import { viewsIn, withView } from "../src/model/savedViews";

vi.hoisted(() => {
  const names = ["a-long-job", "b-nightly", "c"];
  vi.stubGlobal("fetch", async () => Response.json(names.map((name) => ({ name }))));
});

const FIRST = ["runs", "took", "schedule", "next", "last_success", "last_error", "error_count"];

test.each([
  { name: "none is stored", stored: null, shown: FIRST },
  { name: "some, in the order of the list", stored: "owner,runs", shown: ["runs", "owner"] },
  { name: "one that is gone", stored: "runs,region", shown: ["runs"] },
  { name: "no column at all", stored: "", shown: [] },
  {
    name: "all of them",
    stored: COLUMNS.map(({ key }) => key).join(","),
    shown: [...FIRST, "owner", "executor", "metadata"],
  },
])("columns: $name", ({ stored, shown }) => expect(columnsIn(stored)).toEqual(shown));

describe("saved views", () => {
  const failing = { name: "failing", query: "state=failing" };

  test.each([
    { name: "none is stored", stored: null, views: [] },
    { name: "a text that is no JSON", stored: "{", views: [] },
    { name: "another value", stored: '{"name":"a"}', views: [] },
    {
      name: "a view and others",
      stored: '[{"name":"failing","query":"state=failing"},{"name":1},null,7]',
      views: [failing],
    },
    { name: "a query that is too long", stored: `[{"name":"a","query":"${"q".repeat(1001)}"}]`, views: [] },
  ])("$name", ({ stored, views }) => expect(viewsIn(stored)).toEqual(views));

  test.each([
    { name: "is sorted in", add: { name: " data ", query: "q=data" }, names: ["data", "failing"] },
    { name: "replaces one of its name", add: { name: "failing", query: "q=x" }, names: ["failing"] },
    { name: "has no name", add: { name: "  ", query: "q=x" }, names: ["failing"] },
  ])("one that $name", ({ add, names }) => {
    const views = withView([failing], add);
    expect(views.map(({ name }) => name)).toEqual(names);
    expect(viewsIn(JSON.stringify(views))).toEqual(views);
  });

  test("there are fifty at most", () => {
    let views = viewsIn(null);
    for (let index = 0; index < 60; index++) views = withView(views, { name: `v${index}`, query: "q=x" });
    expect(views.length).toBe(50);
  });
});

test("a match in the name comes before one in the command", async () => {
  expect((await findJobs("Night", 2)).map(({ name }) => name)).toEqual(["b-nightly", "a-long-job"]);
});
