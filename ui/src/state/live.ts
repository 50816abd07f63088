// What happens, as it happens: one stream of events for the whole page, and a sign while there is none.

import { signal } from "@preact/signals";
import { API_BASE } from "../api/address";
import { credentials, type Execution, type Job, refused } from "../api/client";
import { EventParser, pause, type ServerEvent } from "../api/sse";
import { now, serverNow } from "./clock";

export type LiveEvent =
  | { type: "job"; action: "created" | "updated" | "deleted"; job: Job }
  | { type: "execution"; action: "queued" | "started" | "finished" | "dropped"; execution: Execution }
  | { type: "leader"; leader: string };

export type Connection = "connecting" | "live" | "lost" | "polling";

export const connection = signal<Connection>("connecting");
/** When the stream last showed that it lives, by the server's clock, in milliseconds since 1970. */
export const heard = signal(serverNow());
/** Goes up when events were lost: everything on the screen has to be read again. */
export const generation = signal(0);
/** The name of the leading replica, empty if there is none, undefined until it is known. */
export const leader = signal<string | undefined>(undefined);

/** The server sends something every 15 seconds; after so many milliseconds without, the connection is dead. */
const SILENCE = 40_000;
/** Milliseconds between two reads where there are no events. */
const POLL = 10_000;
/** Events are passed on together, so many milliseconds after the first. */
const BATCH = 150;
/** More events than these between two batches are as good as a resync. */
const MOST_WAITING = 2000;

type Listener = (events: readonly LiveEvent[]) => void;
const listeners = new Set<Listener>();
let waiting: LiveEvent[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;
/** Whether something happened while the page was hidden: it keeps nothing of that, and reads again. */
let missed = false;

/** Call the listener with each batch of events. Returns what ends that. */
export function onEvents(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The event as data; undefined for one that this page does not know. */
export function readEvent({ type, data }: ServerEvent): LiveEvent | undefined {
  try {
    const body = JSON.parse(data);
    if (type === "job" && body.job) return { type, action: body.action, job: body.job };
    if (type === "execution" && body.execution) return { type, action: body.action, execution: body.execution };
    if (type === "leader") return { type, leader: String(body.leader ?? "") };
  } catch {
    // A page of another version than the server shows what it understands.
  }
  return undefined;
}

function take(event: ServerEvent): void {
  if (event.type === "resync") {
    readAgain();
    return;
  }
  const found = readEvent(event);
  if (!found) return;
  if (found.type === "leader") {
    // Each stream begins with it: only another leader is news.
    const isNews = leader.value !== undefined && leader.value !== found.leader;
    leader.value = found.leader;
    if (!isNews) return;
  }
  if (document.hidden) {
    missed = true;
    return;
  }
  waiting.push(found);
  if (waiting.length > MOST_WAITING) {
    waiting = [];
    readAgain();
  }
  if (timer === undefined) timer = setTimeout(passOn, BATCH);
}

function passOn(): void {
  const batch = waiting;
  waiting = [];
  timer = undefined;
  for (const listener of [...listeners]) listener(batch);
}

/** Read everything on the screen again; once the page is visible, if it is hidden. */
export function readAgain(): void {
  missed = document.hidden;
  if (!missed) generation.value += 1;
}

document.addEventListener("visibilitychange", () => {
  if (missed) readAgain();
});

let running: AbortController | undefined;

/** Follow the events until `disconnect`, whatever the connection does. `after` is the id of an event that came before
 * all that is on the screen was read; without it, everything is read again. */
export function connect(after = ""): void {
  disconnect();
  const control = new AbortController();
  running = control;
  void follow(control.signal, after);
}

/** Read everything again from time to time: for readers without the right to follow events. */
export function poll(): void {
  disconnect();
  connection.value = "polling";
  const timer = setInterval(readAgain, POLL);
  running = new AbortController();
  running.signal.addEventListener("abort", () => clearInterval(timer));
}

export function disconnect(): void {
  running?.abort();
  running = undefined;
  connection.value = "connecting";
}

async function follow(until: AbortSignal, after: string): Promise<void> {
  const parser = new EventParser();
  parser.lastId = after;
  let failures = 0;
  while (!until.aborted) {
    try {
      await listen(parser, until, () => {
        failures = 0;
        // Without the id of an event nothing tells what happened since the view was read.
        if (!parser.lastId) readAgain();
      });
    } catch {
      failures += 1;
    }
    if (until.aborted) return;
    connection.value = "lost";
    await rest(pause(failures) * 1000);
  }
}

/** Wait so many milliseconds, or until the browser is online again. */
function rest(length: number): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(end, length);
    function end() {
      clearTimeout(timer);
      removeEventListener("online", end);
      done();
    }
    addEventListener("online", end);
  });
}

async function listen(parser: EventParser, until: AbortSignal, begun: () => void): Promise<void> {
  parser.restart();
  const control = new AbortController();
  const end = () => control.abort();
  until.addEventListener("abort", end);
  addEventListener("offline", end);
  let sign = Date.now();
  const watchdog = setInterval(() => {
    if (Date.now() - sign > SILENCE) control.abort();
  }, 5000);
  try {
    const headers: Record<string, string> = { Accept: "text/event-stream", ...credentials() };
    if (parser.lastId) headers["Last-Event-ID"] = parser.lastId;
    const response = await fetch(`${API_BASE}/v1/events`, { headers, signal: control.signal, cache: "no-store" });
    if (!response.ok || !response.body) throw refused(response.status, await response.text());
    heard.value = serverNow();
    begun();
    connection.value = "live";
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      sign = Date.now();
      heard.value = serverNow();
      for (const event of parser.add(piece.value)) take(event);
    }
  } finally {
    clearInterval(watchdog);
    until.removeEventListener("abort", end);
    removeEventListener("offline", end);
    control.abort();
  }
}

/** Milliseconds without a connection after which the screen counts as old. */
const OLD = 3000;

/** Whether what is on the screen may be old: the connection is lost, or the machine has slept and does not know yet. */
export function isOld(): boolean {
  const most = { lost: OLD, live: SILENCE, connecting: SILENCE, polling: Number.POSITIVE_INFINITY };
  return now.value - heard.value > most[connection.value];
}
