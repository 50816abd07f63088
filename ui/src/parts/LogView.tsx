// A log as it is written: colours as text nodes, a search, and a bound on what is kept.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { API_BASE } from "../api/address";
import { credentials, type Execution, NO_ANSWER, Refusal, refused } from "../api/client";
import { tell } from "../state/notices";
import { linked } from "../text/addresses";
import { type Piece, pieces, plainText, type Style } from "../text/ansi";
import { LogLines, linesWith } from "../text/log";

interface Props {
  execution: Execution;
  running: boolean;
  /** Whether the reader may read logs; the end of the output is part of the execution. */
  allowed: boolean;
}

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
  lines: readonly string[];
  dropped: number;
  /** Why there is no log, or no more of it. */
  trouble: string;
  /** Whether the server has begun to answer. */
  opened: boolean;
  done: boolean;
}

const NOTHING: Reading = { lines: [], dropped: 0, trouble: "", opened: false, done: false };

export function LogView({ execution, running, allowed }: Props) {
  const log = useLog(execution, running, allowed);
  const kept = execution.output ?? "";
  const fallback = log.done && log.lines.length === 0 && kept !== "";
  const lines = useMemo(
    () => (fallback ? kept.replace(/\n$/, "").split("\n") : log.lines),
    [fallback, kept, log.lines],
  );
  const texts = useMemo(() => lines.map(plainText), [lines]);
  const [search, setSearch] = useState("");
  const [current, setCurrent] = useState(0);
  const [wrap, setWrap] = useState(true);
  const [tail, setTail] = useState(true);
  const hits = useMemo(() => linesWith(texts, search), [texts, search]);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (tail && running && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, tail, running]);
  // Why a run failed is at the end of what it printed.
  const isFailed = !running && !execution.success;
  useEffect(() => {
    if (log.done && isFailed && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [log.done, isFailed]);
  const goTo = (index: number) => {
    if (!hits.length) return;
    const at = (index + hits.length) % hits.length;
    setCurrent(at);
    setTail(false);
    box.current?.querySelector(`[data-line="${hits[at]}"]`)?.scrollIntoView({ block: "center" });
  };
  const shown = new Set(hits);
  return (
    <div class="log">
      <div class="log-tools">
        <input
          type="search"
          aria-label="Search in the log"
          placeholder="Search in the log"
          value={search}
          onInput={(event) => {
            setSearch(event.currentTarget.value);
            setCurrent(0);
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter") goTo(current + (event.shiftKey ? -1 : 1));
          }}
        />
        <span class="muted" role="status">
          {search && (hits.length ? `${current + 1} of ${hits.length} lines` : "no line")}
        </span>
        <label>
          <input type="checkbox" checked={wrap} onChange={(event) => setWrap(event.currentTarget.checked)} /> Wrap
        </label>
        {running && (
          <label>
            <input type="checkbox" checked={tail} onChange={(event) => setTail(event.currentTarget.checked)} /> Follow
          </label>
        )}
        {allowed && (
          <button type="button" class="quiet" onClick={() => download(execution, lines)}>
            Download
          </button>
        )}
      </div>
      {(log.trouble || fallback) && (
        <p class="note">
          {log.trouble} {fallback && "This is the end of the output, which the job keeps."}
        </p>
      )}
      {log.dropped > 0 && (
        <p class="note">{log.dropped} earlier lines are not shown; download the log to see all of it.</p>
      )}
      {lines.length > 0 ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
        <div ref={box} class={wrap ? "lines wrap" : "lines"} role="region" aria-label="Lines of the log" tabIndex={0}>
          <Lines lines={lines} texts={texts} from={log.dropped} hits={shown} current={hits[current]} />
        </div>
      ) : (
        <p class="muted" role="status">
          {running && allowed && !log.done
            ? log.opened || log.trouble
              ? "Nothing was printed yet."
              : "Loading…"
            : log.done
              ? log.trouble
                ? ""
                : "It printed nothing."
              : "Loading…"}
        </p>
      )}
    </div>
  );
}

interface LinesProps {
  lines: readonly string[];
  texts: readonly string[];
  from: number;
  hits: ReadonlySet<number>;
  current: number | undefined;
}

function Lines({ lines, texts, from, hits, current }: LinesProps) {
  let style: Style = {};
  return (
    <>
      {lines.map((line, index) => {
        const plain = texts[index] ?? "";
        let parts: Piece[] | undefined;
        if (line.includes("\x1b") || Object.keys(style).length) ({ pieces: parts, style } = pieces(line, style));
        const kind = index === current ? "current" : hits.has(index) ? "hit" : "";
        return <Line key={from + index} number={from + index + 1} at={index} plain={plain} parts={parts} kind={kind} />;
      })}
    </>
  );
}

interface LineProps {
  number: number;
  at: number;
  plain: string;
  parts: Piece[] | undefined;
  kind: string;
}

function Line({ number, at, plain, parts, kind }: LineProps) {
  const isStyled = parts !== undefined;
  // The same text keeps its style, so the line is drawn once: a long log grows at its end.
  return useMemo(
    () => (
      <div class={`line ${kind}`} data-line={at}>
        <span class="no" aria-hidden="true" data-no={number} />
        <span class="text">
          {parts ? (
            parts.map((piece, index) => (
              <span key={index} class={classOf(piece.style)}>
                <Text of={piece.text} />
              </span>
            ))
          ) : (
            <Text of={plain} />
          )}
        </span>
      </div>
    ),
    [number, at, plain, kind, isStyled],
  );
}

/** A text in which addresses are links. */
function Text({ of }: { of: string }) {
  if (!of.includes("://")) return <>{of}</>;
  return (
    <>
      {linked(of).map(({ text, href }, index) =>
        href ? (
          <a key={index} href={href} target="_blank" rel="noreferrer noopener">
            {text}
          </a>
        ) : (
          text
        ),
      )}
    </>
  );
}

function classOf(style: Style): string {
  const flags = (["bold", "dim", "italic", "underline", "inverse"] as const).filter((flag) => style[flag]);
  // On a coloured ground a text has its own colour, so that it can be read.
  const [kind, colour] = style.ground === undefined ? ["c", style.colour] : ["b", style.ground];
  return [...flags, colour === undefined ? "" : `${kind}${colour}`].join(" ");
}

function useLog(execution: Execution, running: boolean, allowed: boolean): Reading {
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
    const draw = (more: Partial<Reading> = {}) => {
      clearTimeout(timer);
      timer = undefined;
      if (!control.signal.aborted)
        setReading({ ...NOTHING, lines: [...lines.lines], dropped: lines.dropped, opened, ...more });
    };
    const take = (text: string) => {
      lines.add(text);
      timer ??= setTimeout(draw, DRAW);
    };
    const open = () => {
      opened = true;
      draw();
    };
    const readAll = async () => {
      lines = new LogLines();
      timer = undefined;
      try {
        await read(`${address}${goesOn.current ? "?follow=true" : ""}`, control.signal, open, take);
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
  open: () => void,
  take: (text: string) => void,
): Promise<void> {
  const response = await fetch(address, { headers: credentials(), signal, cache: "no-store" });
  if (!response.ok || !response.body) throw refused(response.status, await response.text());
  open();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) take(piece.value);
}

/** Save the whole log as the server has it, or the lines that are shown if it does not any more. */
async function download(execution: Execution, lines: readonly string[]): Promise<void> {
  let blob: Blob;
  try {
    const response = await fetch(addressOf(execution), { headers: credentials(), cache: "no-store" });
    blob = response.ok ? await response.blob() : new Blob([`${lines.join("\n")}\n`], { type: "text/plain" });
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
