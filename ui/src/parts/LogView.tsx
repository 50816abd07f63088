// A log as it is written: with a search, the times of its lines, and a line that the address names.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Execution } from "../api/client";
import { plainText } from "../model/ansi";
import { firstError } from "../model/firstError";
import { isReadable, readableText } from "../model/jsonlines";
import { DRAWN, linesWith, type TimedLine, timed } from "../model/log";
import { useNamedLine } from "../state/line";
import { download, useLog } from "../state/log";
import { shownZone } from "../state/preferences";
import { LogText } from "./LogText";
import { useDrawnLines } from "./useDrawnLines";

interface Props {
  execution: Execution;
  running: boolean;
  /** Whether the reader may read logs; the end of the output is part of the execution. */
  allowed: boolean;
  /** The zone of the job. */
  jobZone: string | undefined;
}

export function LogView({ execution, running, allowed, jobZone }: Props) {
  const log = useLog(execution, running, allowed);
  const kept = execution.output ?? "";
  const fallback = log.done && log.lines.length === 0 && kept !== "";
  const lines = useMemo(
    () => (fallback ? untimed(kept.replace(/\n$/, "").split("\n")) : log.lines.map(timed)),
    [fallback, kept, log.lines],
  );
  const hasTimes = lines.some(({ at }) => at);
  const hasJson = useMemo(() => lines.some(({ text }) => isReadable(text)), [lines]);
  const [search, setSearch] = useState("");
  const [current, setCurrent] = useState(0);
  const [wrap, setWrap] = useState(true);
  const [isTimed, setTimed] = useState(false);
  const [isRead, setRead] = useState(true);
  const [named, name] = useNamedLine();
  const [tail, setTail] = useState(named === undefined);
  const isSearched = search !== "";
  const texts = useMemo(
    () => (isSearched ? lines.map((line) => searched(line, isRead)) : []),
    [lines, isSearched, isRead],
  );
  const hits = useMemo(() => linesWith(texts, search), [texts, search]);
  // The end of the output that the job keeps begins with another line than the log.
  const before = fallback ? 0 : log.dropped;
  const follows = tail && running;
  const { box, first, withLine, toEnd, stay, listeners } = useDrawnLines({
    ...{ count: lines.length, dropped: before, follows },
  });
  const numberOf = (index: number | undefined) => (index === undefined ? undefined : before + index + 1);
  const numbersOfHits = useMemo(() => new Set(hits.map((index) => before + index + 1)), [hits, before]);
  const show = (index: number) => withLine(index, (line) => line.scrollIntoView({ block: "center" }));
  /** Leave the page where it is. */
  const showInBox = (index: number) =>
    withLine(index, (line, around) => {
      const { top, height } = around.getBoundingClientRect();
      around.scrollTop += line.getBoundingClientRect().top - top - height / 2;
    });
  const follow = (is: boolean) => {
    if (!is) stay();
    setTail(is);
  };
  useEffect(() => {
    if (follows) toEnd();
  }, [lines, follows]);
  // Why a run failed is in the first line that looks like an error, or else at the end of what it printed.
  const isFailed = !running && !execution.success;
  const error = useMemo(
    () => (log.done && isFailed ? firstError(lines.map(({ text }) => text)) : undefined),
    [log.done, isFailed, lines],
  );
  useEffect(() => {
    if (!log.done || !isFailed || named !== undefined) return;
    if (error === undefined) toEnd();
    else showInBox(error);
  }, [log.done, isFailed, error]);
  const at = named === undefined || fallback ? -1 : named - 1 - log.dropped;
  const isThere = at >= 0 && at < lines.length;
  const seen = useRef<number>();
  useEffect(() => {
    if (!isThere || seen.current === named) return;
    seen.current = named;
    setTail(false);
    show(at);
  }, [isThere, named]);
  const pick = (line: number) => {
    seen.current = line;
    setTail(false);
    name(line);
  };
  const goTo = (index: number) => {
    if (!hits.length) return;
    const next = (index + hits.length) % hits.length;
    const hit = hits[next] ?? 0;
    setCurrent(next);
    show(hit);
    if (!fallback) pick(log.dropped + hit + 1);
  };
  const kind = wrap ? "lines wrap" : "lines";
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
        <Switch words="Wrap" is={wrap} set={setWrap} />
        {hasTimes && <Switch words="Times" is={isTimed} set={setTimed} />}
        {hasJson && <Switch words="JSON as text" is={isRead} set={setRead} />}
        {running && <Switch words="Follow" is={tail} set={follow} />}
        {error !== undefined && (
          <button type="button" class="quiet to-error" onClick={() => show(error)}>
            Error in line {numberOf(error)}
          </button>
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
      {log.isCut && <p class="note">This is the end of the output: its beginning is not kept.</p>}
      {log.dropped > 0 && (
        <p class="note">{log.dropped} earlier lines are not shown; download the log to see all of it.</p>
      )}
      {log.done && named !== undefined && lines.length > 0 && !isThere && (
        <p class="note">Line {named}, which the address names, is not among the lines that are shown.</p>
      )}
      {lines.length > 0 ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
        <div ref={box} class={kind} role="region" aria-label="Lines of the log" tabIndex={0} {...listeners}>
          <LogText
            lines={lines.slice(first, first + DRAWN)}
            from={before + first}
            hits={numbersOfHits}
            current={numberOf(hits[current])}
            named={isThere ? named : undefined}
            error={numberOf(error)}
            onName={fallback ? undefined : pick}
            isRead={isRead}
            isTimed={isTimed && hasTimes}
            zone={shownZone(jobZone)}
          />
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

function Switch({ words, is, set }: { words: string; is: boolean; set: (is: boolean) => void }) {
  return (
    <label>
      <input type="checkbox" checked={is} onChange={(event) => set(event.currentTarget.checked)} /> {words}
    </label>
  );
}

function untimed(lines: readonly string[]): TimedLine[] {
  return lines.map((text) => ({ at: "", text }));
}

/** The text of a line that a search looks at: a line of JSON is found by what is shown and by what was written. */
function searched({ text }: TimedLine, isRead: boolean): string {
  const shown = isRead ? readableText(text) : undefined;
  return shown === undefined ? plainText(text) : `${shown}\n${text}`;
}
