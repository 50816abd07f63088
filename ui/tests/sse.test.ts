import { describe, expect, test } from "vitest";
import { EventParser, LONGEST_EVENT, pause } from "../src/api/sse";

describe("EventParser", () => {
  const read = (...given: string[]) => {
    const parser = new EventParser();
    return { events: given.flatMap((piece) => parser.add(piece)), id: parser.lastId };
  };

  test.each([
    {
      name: "an event",
      given: ["id: 7-0\nevent: job\ndata: {}\n\n"],
      events: [{ type: "job", data: "{}" }],
      id: "7-0",
    },
    { name: "only an id", given: ["id: 7-0\n\n"], events: [], id: "7-0" },
    { name: "a comment", given: [": still here\n\n"], events: [], id: "" },
    { name: "two lines of data", given: ["data: a\ndata: b\n\n"], events: [{ type: "message", data: "a\nb" }], id: "" },
    {
      name: "pieces that end anywhere",
      given: ["ev", "ent: job\r", "\ndata:x\r\n", "\r\n"],
      events: [{ type: "job", data: "x" }],
      id: "",
    },
    { name: "half an event", given: ["event: job\ndata: x\n"], events: [], id: "" },
    { name: "a field without a value", given: ["data\n\n"], events: [{ type: "message", data: "" }], id: "" },
    {
      name: "an id whose event is not complete, so that it is asked for again",
      given: ["id: 7-0\ndata: x\n\nid: 7-1\nevent: job\ndata: {"],
      events: [{ type: "message", data: "x" }],
      id: "7-0",
    },
  ])("$name", ({ given, events, id }) => expect(read(...given)).toEqual({ events, id }));

  test("half an event is forgotten with its stream", () => {
    const parser = new EventParser();
    parser.add("id: 1\ndata: a\n\nid: 2\nevent: job\ndata: b\ndata: ");
    parser.restart();
    expect([parser.add("data: c\n\n"), parser.lastId]).toEqual([[{ type: "message", data: "c" }], "1"]);
  });

  test.each([
    { name: "in one line", piece: "x".repeat(1_000_000) },
    { name: "in many", piece: `data: ${"x".repeat(999_993)}\n` },
  ])("an event without an end is not kept: $name", ({ piece }) => {
    const parser = new EventParser();
    parser.add("id: 1\ndata: a\n\n");
    const add = () => Array.from({ length: LONGEST_EVENT / 1_000_000 + 1 }, () => parser.add(piece));
    expect(add).toThrow(RangeError);
    expect(parser.lastId).toBe("");
  });
});

test("tries become rarer, and never stop", () => {
  const half = () => 0.5;
  expect([0, 1, 3, 50].map((failures) => pause(failures, half))).toEqual([0.5, 1, 4, 15]);
});
