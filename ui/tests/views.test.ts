// @vitest-environment happy-dom
import { h, render } from "preact";
import { describe, expect, test } from "vitest";
import { apiRoot, namespaceIn } from "../src/api/address";
import { NO_ANSWER, Refusal, type Summary } from "../src/api/client";
import { columnsOf, countsInWords, keptFrom, pathOf, sizeOf, unknownFrom } from "../src/model/timeline";
import { Layout } from "../src/parts/Layout";
import { Pending } from "../src/parts/States";
import { readEvent } from "../src/state/live";
import { addressFor, readView } from "../src/views/Jobs";
import { Unreached } from "../src/views/Unreached";

describe("the list's address", () => {
  test.each([
    { search: "", address: "/jobs" },
    { search: "?q=a b&state=failing&at=300", address: "/jobs?q=a+b&state=failing&at=300" },
    { search: "?sort=next&order=desc", address: "/jobs?sort=next&order=DESC" },
    { search: "?at=-1", address: "/jobs" },
    { search: "?at=x&unknown=1", address: "/jobs" },
  ])("$search", ({ search, address }) => expect(addressFor(readView(search))).toBe(address));
});

describe("the namespace of", () => {
  test.each([
    { path: "/ui/ns/team-b/jobs", base: "/ui", namespace: "team-b" },
    { path: "/dkron/ui/ns/team-b", base: "/dkron/ui", namespace: "team-b" },
    { path: "/ui/jobs/ns", base: "/ui", namespace: "" },
    { path: "/ui/ns/Team/jobs", base: "/ui", namespace: "" },
  ])("$path", ({ path, base, namespace }) => expect(namespaceIn(path, base)).toBe(namespace));
});

test.each([
  { base: "/ui", root: "" },
  { base: "/dkron/ui", root: "/dkron" },
])("the API beside $base", ({ base, root }) => expect(apiRoot(base)).toBe(root));

test("both hours count executions and slots by minute, with failures first", () => {
  const now = Date.UTC(2026, 10, 27, 12);
  const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString();
  const ended = [
    { begin: at(-61), success: 0, failed: 9, skipped: 0 },
    { begin: at(-5), success: 0, failed: 0, skipped: 1 },
    { begin: at(-1), success: 40, failed: 2, skipped: 3 },
  ];
  const summary = {
    running: {
      executions: [
        { started_at: at(-0.1), job: "c" },
        { started_at: at(-9), job: "d" },
      ],
    },
    next_hour: { minutes: [{ at: at(3), slots: 7 }], slots: [{ due: at(3.5), job: "d" }], counted_until: at(40.9) },
  } as unknown as Summary;
  const columns = columnsOf(summary, ended, now);
  expect(columns.map(({ minute, jobs }) => [minute, jobs])).toEqual([
    [-9, ["d runs"]],
    [-5, []],
    [-1, ["c runs"]],
    [3, ["d"]],
  ]);
  expect(columns.map(countsInWords)).toEqual([
    "1 running",
    "1 slot did not run",
    "2 failed, 1 running, 40 succeeded, 3 slots did not run",
    "7 planned",
  ]);
  expect(columns.map(sizeOf)).toEqual([1, 0, 43, 7]);
  expect(columns.map((each) => decodeURIComponent(pathOf(each, now)))).toEqual([
    "/runs?state=running",
    "/runs?from=2026-11-27T11:55:00Z&to=2026-11-27T11:56:00Z",
    "/runs?from=2026-11-27T11:59:00Z&to=2026-11-27T12:00:00Z",
    "/runs?from=2026-11-27T12:03:00Z&to=2026-11-27T12:04:00Z",
  ]);
  expect(unknownFrom(summary, now)).toBe(41);
});

test.each([
  { since: undefined, is: undefined },
  { since: "2026-11-27T11:43:20Z", is: -16 },
  { since: "2026-11-27T10:00:00Z", is: -60 },
])("runs are kept from $since on", ({ since, is }) => {
  const now = Date.UTC(2026, 10, 27, 12);
  expect(keptFrom({ last_hour: { kept_since: since } } as unknown as Summary, now)).toBe(is);
});

test.each([
  { name: "of a kind to come", event: { type: "moon", data: "{}" } },
  { name: "that is no JSON", event: { type: "job", data: "{" } },
  { name: "without its job", event: { type: "job", data: "{}" } },
])("an event $name is passed over", ({ event }) => expect(readEvent(event)).toBeUndefined());

describe("an API that does not say who the reader is", () => {
  const notFound = new Refusal(404, "404 page not found");
  const away = new Refusal(503, "no leader");
  test.each([
    { why: notFound, namespace: "team", says: "does not serve the namespace team", leads: "/" },
    { why: notFound, namespace: "", says: "404 page not found", leads: undefined },
    { why: away, namespace: "team", says: "no leader. It is asked again", leads: "/" },
    { why: new Refusal(0, NO_ANSWER), namespace: "", says: NO_ANSWER, leads: undefined },
  ])("$why.status in '$namespace'", ({ why, namespace, says, leads }) => {
    render(h(Unreached, { why, namespace }), document.body);
    expect(document.body.textContent).toContain(says);
    expect(document.querySelector("a")?.getAttribute("href")).toBe(leads);
  });
});

test.each([
  { error: undefined, says: "Loading" },
  { error: new Refusal(403, "no"), says: "It could not be read." },
])("data that are not there: $says", ({ error, says }) => {
  render(h(Pending, { query: { error } }), document.body);
  expect(document.body.textContent).toBe(says);
});

test("the link that skips to the content stays at this address", () => {
  render(h(Layout, { children: "the view" }), document.body);
  const click = new MouseEvent("click", { bubbles: true, cancelable: true });
  document.querySelector(".skip")?.dispatchEvent(click);
  expect(click.defaultPrevented).toBe(true);
  expect(document.activeElement?.textContent).toBe("the view");
});
