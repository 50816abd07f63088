// @vitest-environment happy-dom
import { h, render } from "preact";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { now, runClock } from "../src/state/clock";
import {
  connect,
  connection,
  disconnect,
  generation,
  isOld,
  type LiveEvent,
  leader,
  onEvents,
} from "../src/state/live";
import { notices, tell } from "../src/state/notices";
import { useQuery } from "../src/state/query";

/** A server of events: each connection is a stream that the test writes to. */
class Server {
  readonly asked: (string | undefined)[] = [];
  private streams: ReadableStreamDefaultController<Uint8Array>[] = [];

  fetch = async (_: string, { headers, signal }: { headers: Record<string, string>; signal: AbortSignal }) => {
    this.asked.push(headers["Last-Event-ID"]);
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => {
        this.streams.push(stream);
        signal.addEventListener("abort", () => stream.error(new Error("aborted")));
      },
    });
    return { ok: true, status: 200, body };
  };

  async send(text: string): Promise<void> {
    this.streams.at(-1)?.enqueue(new TextEncoder().encode(text));
    await vi.advanceTimersByTimeAsync(1);
  }

  async hangUp(): Promise<void> {
    this.streams.at(-1)?.close();
    await vi.advanceTimersByTimeAsync(1);
  }
}

const started = (id: number) =>
  `id: ${id}-0\nevent: execution\ndata: ${JSON.stringify({ action: "started", execution: { id: `${id}` } })}\n\n`;

/** The page comes into view, which also sets its clock. */
const look = () => document.dispatchEvent(new Event("visibilitychange"));

let server: Server;
let batches: (readonly LiveEvent[])[];
let stop: () => void;
let stopClock: () => void;
let hidden: boolean;

beforeEach(async () => {
  vi.useFakeTimers();
  server = new Server();
  vi.stubGlobal("fetch", server.fetch);
  hidden = false;
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  batches = [];
  stop = onEvents((events) => batches.push(events));
  stopClock = runClock();
  connect();
  await vi.advanceTimersByTimeAsync(1);
});

afterEach(() => {
  stop();
  stopClock();
  disconnect();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("an event is passed on within a second, with those that come at the same time", async () => {
  await server.send(started(1) + started(2));
  await vi.advanceTimersByTimeAsync(500);
  expect(batches.map((batch) => batch.length)).toEqual([2]);
  expect(connection.value).toBe("live");
});

test("of a hundred thousand events only the newest stay, and all is read again", async () => {
  const before = generation.value;
  for (let id = 0; id < 100_000; id += 5000) {
    await server.send(Array.from({ length: 5000 }, (_, index) => started(id + index)).join(""));
  }
  await vi.advanceTimersByTimeAsync(500);
  const passed = batches.reduce((sum, batch) => sum + batch.length, 0);
  expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThanOrEqual(2000);
  expect(passed).toBeLessThanOrEqual(2000 * batches.length);
  expect(generation.value).toBeGreaterThan(before);
  stop();
  await server.send(started(7));
  await vi.advanceTimersByTimeAsync(500);
  expect(batches.reduce((sum, batch) => sum + batch.length, 0)).toBe(passed);
}, 30_000);

test("a hidden page keeps nothing, and is read again when it is seen", async () => {
  const before = generation.value;
  hidden = true;
  await server.send(started(1));
  await server.send('event: leader\ndata: {"leader":"op-2"}\n\n');
  await vi.advanceTimersByTimeAsync(500);
  expect([batches.length, generation.value, leader.value]).toEqual([0, before, "op-2"]);
  hidden = false;
  look();
  look();
  expect(generation.value).toBe(before + 1);
});

test("a lost stream goes on after the last event, and a resync reads everything again", async () => {
  await server.send(started(1) + started(2));
  const before = generation.value;
  await server.hangUp();
  expect(connection.value).toBe("lost");
  await vi.advanceTimersByTimeAsync(20_000);
  expect(server.asked).toEqual([undefined, "2-0"]);
  expect([connection.value, generation.value]).toEqual(["live", before]);
  await server.send("id: 9-0\nevent: resync\ndata: {}\n\n");
  expect(generation.value).toBe(before + 1);
});

test("a page that was read after an event goes on from there, and reads nothing twice", async () => {
  const before = generation.value;
  connect("5-0");
  await vi.advanceTimersByTimeAsync(1);
  expect([server.asked.at(-1), generation.value, connection.value]).toEqual(["5-0", before, "live"]);
  connect();
  await vi.advanceTimersByTimeAsync(1);
  expect([server.asked.at(-1), generation.value]).toEqual([undefined, before + 1]);
});

describe("a silent server", () => {
  test("is left for another connection", async () => {
    await server.send(started(1));
    await vi.advanceTimersByTimeAsync(70_000);
    expect(server.asked.length).toBeGreaterThan(1);
  });

  test("makes the page old, until it speaks again", async () => {
    await server.send(started(1));
    look();
    expect(isOld()).toBe(false);
    await server.hangUp();
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("no network")));
    await vi.advanceTimersByTimeAsync(30_000);
    look();
    expect(isOld()).toBe(true);
    vi.stubGlobal("fetch", server.fetch);
    await vi.advanceTimersByTimeAsync(30_000);
    await server.send(": still here\n\n");
    look();
    expect(isOld()).toBe(false);
  });
});

test("an answer that is slower than events come still arrives", async () => {
  let asked = 0;
  const load = async () => {
    asked += 1;
    const mine = asked;
    await new Promise((done) => setTimeout(done, 3000));
    return mine;
  };
  const seen: (number | undefined)[] = [];
  const View = () => {
    seen.push(useQuery("slow", load, { concerns: () => true }).data);
    return null;
  };
  const root = document.createElement("div");
  render(h(View, {}), root);
  for (let id = 0; id < 40; id++) {
    await server.send(started(id));
    await vi.advanceTimersByTimeAsync(300);
  }
  expect(new Set(seen)).toContain(3);
  render(null, root);
  const before = asked;
  await server.send(started(41));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked, "a view that is gone asks nothing").toBe(before);
});

test("the clock goes on each second while the page is visible, and ends with the page", async () => {
  await vi.advanceTimersByTimeAsync(1000);
  const before = now.value;
  await vi.advanceTimersByTimeAsync(3000);
  expect(now.value - before).toBe(3000);
  hidden = true;
  await vi.advanceTimersByTimeAsync(3000);
  expect(now.value - before).toBe(3000);
  hidden = false;
  stopClock();
  await vi.advanceTimersByTimeAsync(3000);
  look();
  expect(now.value - before).toBe(3000);
});

test("notices are few, whatever happens", () => {
  for (let index = 0; index < 1000; index++) tell("Saved.");
  expect(notices.value.length).toBeLessThanOrEqual(4);
});
