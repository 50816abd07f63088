// The log of an execution, read while it is written, within a bound of what is kept.

import { useEffect, useRef, useState } from "preact/hooks";
import { API_BASE } from "../api/address";
import { credentials, type Execution, NO_ANSWER, Refusal, refused } from "../api/client";
import { LogLines, type TimedLine } from "../model/log";
import { tell } from "./notices";

/** Answers after which the log of a running execution may still come; 0 is none. */
const MAY_COME: ReadonlySet<number> = new Set([0, 409, 429, 503]);
/** Milliseconds before another try. */
const AGAIN = 2000;
/** Milliseconds between two drawings of a log that is being written. */
const DRAW = 120;

function addressOf({ job_name, id }: Execution): string {
  return `${API_BASE}/v1/jobs/${encodeURIComponent(job_name)}/executions/${encodeURIComponent(id)}/log`;
}

interface Reading {
  /** Each begins with its time; see `timed`. */
  lines: readonly string[];
  dropped: number;
  /** Why there is no log, or no more of it. */
  trouble: string;
  /** Whether the server has begun to answer. */
  opened: boolean;
  /** Whether the server has only the end of it. */
  isCut: boolean;
  done: boolean;
}

const NOTHING: Reading = { lines: [], dropped: 0, trouble: "", opened: false, isCut: false, done: false };

export function useLog(execution: Execution, running: boolean, allowed: boolean): Reading {
  const [reading, setReading] = useState<Reading>(NOTHING);
  const address = addressOf(execution);
  const goesOn = useRef(running);
  goesOn.current = running;
  useEffect(() => {
    if (!allowed) {
      setReading({ ...NOTHING, done: true });
      return undefined;
    }
    const control = new AbortController();
    let lines = new LogLines();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let opened = false;
    let isCut = false;
    const draw = (more: Partial<Reading> = {}) => {
      clearTimeout(timer);
      timer = undefined;
      if (!control.signal.aborted)
        setReading({ ...NOTHING, lines: [...lines.lines], dropped: lines.dropped, opened, isCut, ...more });
    };
    const take = (text: string) => {
      lines.add(text);
      timer ??= setTimeout(draw, DRAW);
    };
    const open = (response: Response) => {
      opened = true;
      isCut = response.headers.get("X-Output-Truncated") === "true";
      draw();
    };
    const readAll = async () => {
      lines = new LogLines();
      timer = undefined;
      try {
        await read(`${address}?timestamps=true${goesOn.current ? "&follow=true" : ""}`, control.signal, open, take);
        draw({ done: true });
      } catch (error) {
        const refusal = error instanceof Refusal ? error : new Refusal(0, NO_ANSWER);
        const again = goesOn.current && MAY_COME.has(refusal.status);
        draw({ done: !again, trouble: sentence(refusal) });
        // The server sends the whole log again: a container that had not started, or a connection that broke.
        if (again && !control.signal.aborted) timer = setTimeout(readAll, AGAIN);
      }
    };
    void readAll();
    return () => {
      control.abort();
      clearTimeout(timer);
    };
  }, [address, allowed]);
  return reading;
}

function sentence(refusal: Refusal): string {
  if (refusal.status === 404) return "The pod is gone, and its log with it.";
  return refusal.message;
}

async function read(
  address: string,
  signal: AbortSignal,
  open: (response: Response) => void,
  take: (text: string) => void,
): Promise<void> {
  const response = await fetch(address, { headers: credentials(), signal, cache: "no-store" });
  if (!response.ok || !response.body) throw refused(response.status, await response.text());
  open(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) take(piece.value);
}

/** Save the whole log as the server has it, or the lines that are shown if it does not any more. */
export async function download(execution: Execution, lines: readonly TimedLine[]): Promise<void> {
  let blob: Blob;
  try {
    const response = await fetch(addressOf(execution), { headers: credentials(), cache: "no-store" });
    blob = response.ok
      ? await response.blob()
      : new Blob([`${lines.map(({ text }) => text).join("\n")}\n`], { type: "text/plain" });
  } catch {
    tell(NO_ANSWER, true);
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${execution.job_name}-${execution.started_at.slice(0, 19)}.log`.replaceAll(":", "");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
