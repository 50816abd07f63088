// The lines of a log as elements: colours and addresses as text nodes and links, never as markup.

import { useMemo } from "preact/hooks";
import { linked } from "../model/addresses";
import { type Piece, pieces, plainText, type Style } from "../model/ansi";
import { readableOn } from "../model/colour";
import { readable } from "../model/jsonlines";
import type { TimedLine } from "../model/log";
import { clockTime, instant } from "../model/time";

interface LinesProps {
  lines: readonly TimedLine[];
  /** How many lines are before the first of these. */
  from: number;
  /** The numbers of lines that a search found, and of the one that it shows. */
  hits: ReadonlySet<number>;
  current: number | undefined;
  /** The number of the line that the address names. */
  named: number | undefined;
  /** The number of the line that looks like the error. */
  error: number | undefined;
  /** Name a line in the address; without it, numbers are no links. */
  onName: ((line: number) => void) | undefined;
  /** Whether a line of JSON is shown for people. */
  isRead: boolean;
  isTimed: boolean;
  /** The zone of times, for Intl. */
  zone: string | undefined;
}

export function LogText({ lines, from, hits, current, named, error, onName, isRead, isTimed, zone }: LinesProps) {
  let style: Style = {};
  return (
    <>
      {lines.map(({ at, text }, index) => {
        let parts: Piece[] | undefined;
        if (text.includes("\x1b") || Object.keys(style).length) ({ pieces: parts, style } = pieces(text, style));
        const number = from + index + 1;
        const kind =
          number === named
            ? "named"
            : number === current
              ? "current"
              : hits.has(number)
                ? "hit"
                : number === error
                  ? "error"
                  : "";
        return (
          <Line key={number} {...{ number, text, parts, kind, onName, isRead, zone }} at={isTimed ? at : undefined} />
        );
      })}
    </>
  );
}

interface LineProps extends Pick<LinesProps, "onName" | "isRead" | "zone"> {
  number: number;
  text: string;
  /** The pieces of a text with colours. */
  parts: Piece[] | undefined;
  kind: string;
  /** When it was written; undefined if that is not shown. */
  at: string | undefined;
}

function Line({ number, text, parts, kind, at, onName, isRead, zone }: LineProps) {
  const isStyled = parts !== undefined;
  const isLinked = onName !== undefined;
  // The same text keeps its style, so the line is drawn once: a long log grows at its end.
  return useMemo(() => {
    const shown = (isRead && readable(text)) || parts;
    return (
      <div class={`line ${kind}`} data-line={number}>
        <LineNumber of={number} onName={onName} />
        {at !== undefined && <LineTime at={at} zone={zone} />}
        <span class="text">
          {shown ? (
            shown.map((piece, place) => (
              <span key={place} class={classOf(piece.style)} style={ownOf(piece.style)}>
                <Text of={piece.text} />
              </span>
            ))
          ) : (
            <Text of={plainText(text)} />
          )}
        </span>
      </div>
    );
  }, [number, text, kind, at, isStyled, isLinked, isRead, zone]);
}

/** The Tab key passes by: a log has thousands. The search names the line that it goes to, too. */
function LineNumber({ of, onName }: { of: number; onName: LinesProps["onName"] }) {
  if (!onName) return <span class="no" aria-hidden="true" data-no={of} />;
  const name = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    onName(of);
  };
  const href = `${location.pathname}${location.search}#L${of}`;
  // biome-ignore lint/a11y/useAnchorContent: the number is drawn by CSS, so that copied lines do not have it.
  return <a class="no" href={href} tabIndex={-1} aria-label={`Line ${of}`} data-no={of} onClick={name} />;
}

function LineTime({ at, zone }: { at: string; zone: string | undefined }) {
  const found = instant(at);
  if (found === undefined) return <span class="at" />;
  return (
    <time class="at" dateTime={at} title={at}>
      {clockTime(found, zone)}.{String(found % 1000).padStart(3, "0")}
    </time>
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

/** The colour that the class `own` takes, in both themes. */
function ownOf({ own, ground }: Style): Record<string, string> | undefined {
  if (!own || ground !== undefined) return undefined;
  return { "--on-light": readableOn(own, "light"), "--on-dark": readableOn(own, "dark") };
}

function classOf(style: Style): string {
  const flags = (["bold", "dim", "italic", "underline", "inverse"] as const).filter((flag) => style[flag]);
  // On a coloured ground a text has its own colour, so that it can be read.
  if (style.ground === undefined && style.own) return [...flags, "own"].join(" ");
  const [kind, colour] = style.ground === undefined ? ["c", style.colour] : ["b", style.ground];
  return [...flags, colour === undefined ? "" : `${kind}${colour}`].join(" ");
}
