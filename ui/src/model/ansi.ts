// The colours of a terminal (SGR sequences) as data: what shows a log makes text nodes of it, never markup. Pure.

import { ofPalette, type Rgb } from "./colour";

/** How a piece of text looks: a class for each, or none. */
export interface Style {
  readonly bold?: boolean;
  readonly dim?: boolean;
  readonly italic?: boolean;
  readonly underline?: boolean;
  readonly inverse?: boolean;
  /** One of the sixteen colours, 0 to 15. */
  readonly colour?: number;
  /** Any other colour. */
  readonly own?: Rgb;
  /** The colour of the ground, one of the first eight. */
  readonly ground?: number;
}

export interface Piece {
  readonly text: string;
  readonly style: Style;
}

const PLAIN: Style = {};
/** Parts of a colour that differ by less, of 255, are grey. */
const GREY = 40;
// CSI sequences, OSC sequences to their end, other two-byte escapes, and control characters but tab.
const ESCAPE =
  /\x1b\[([0-9;:]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[^@-~]*$|\x1b[ -/]*[0-~]|[\x00-\x08\x0b-\x1f\x7f]/g;

// Characters that turn the order of those after them around. Marks for a single place, which texts of Arabic and Hebrew
// have for good reasons, are not among them.
const REORDERING = /[\u202a-\u202e\u2066-\u2069]/g;

/** A text in the order in which it was written: what would reorder it is shown as its code, `<U+202E>`. */
export function inOrder(text: string): string {
  return text.replace(REORDERING, (found) => `<U+${found.charCodeAt(0).toString(16).toUpperCase()}>`);
}

/** Split a line into pieces of one style each, and return the style that the next line begins with. */
export function pieces(line: string, style: Style = PLAIN): { pieces: Piece[]; style: Style } {
  const found: Piece[] = [];
  let at = 0;
  let current = style;
  const add = (text: string) => {
    if (text) found.push({ text: inOrder(text), style: current });
  };
  for (const match of afterLastReturn(line).matchAll(ESCAPE)) {
    const text = afterLastReturn(line);
    add(text.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] === "m") current = styled(current, match[1] ?? "");
  }
  add(afterLastReturn(line).slice(at));
  return { pieces: found, style: current };
}

/** The line without escapes, for search and copies. */
export function plainText(line: string): string {
  return inOrder(afterLastReturn(line).replace(ESCAPE, ""));
}

/** The part of a line that a terminal shows, in which a progress bar returned to its beginning. */
function afterLastReturn(line: string): string {
  const end = line.endsWith("\r") ? line.slice(0, -1) : line;
  return end.slice(end.lastIndexOf("\r") + 1);
}

function styled(style: Style, codes: string): Style {
  const numbers = codes.split(/[;:]/).map((code) => Number(code) || 0);
  let next = style;
  for (let at = 0; at < numbers.length; at++) {
    const code = numbers[at] ?? 0;
    if (code === 0) next = PLAIN;
    else if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 3) next = { ...next, italic: true };
    else if (code === 4) next = { ...next, underline: true };
    else if (code === 7) next = { ...next, inverse: true };
    else if (code === 27) next = { ...next, inverse: false };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 23) next = { ...next, italic: false };
    else if (code === 24) next = { ...next, underline: false };
    else if (code >= 30 && code <= 37) next = { ...next, colour: code - 30, own: undefined };
    else if (code >= 90 && code <= 97) next = { ...next, colour: code - 90 + 8, own: undefined };
    else if (code >= 40 && code <= 47) next = { ...next, ground: code - 40 };
    else if (code >= 100 && code <= 107) next = { ...next, ground: code - 100 };
    else if (code === 49) next = { ...next, ground: undefined };
    else if (code === 39) next = { ...next, colour: undefined, own: undefined };
    else if (code === 38 || code === 48) {
      // 38;5;N or 38;2;R;G;B. A ground is the nearest of eight, on which the text keeps its contrast.
      const kind = numbers[at + 1];
      const values = numbers.slice(at + 2, at + 5);
      const [index = 0] = values;
      const isOfSixteen = kind === 5 && index < 16;
      const own = kind === 5 ? ofPalette(index) : trueColour(values);
      if (code === 38) next = { ...next, colour: isOfSixteen ? index : undefined, own };
      else next = { ...next, ground: isOfSixteen ? index % 8 : own && nearest(own) };
      at += kind === 5 ? 2 : kind === 2 ? 4 : 0;
    }
  }
  return next;
}

/** Three numbers from 0 to 255; undefined for a sequence that is cut, or has others. */
function trueColour([red, green, blue]: readonly number[]): Rgb | undefined {
  if (red === undefined || green === undefined || blue === undefined) return undefined;
  return Math.max(red, green, blue) > 255 ? undefined : [red, green, blue];
}

/** The one of the first eight colours that is nearest in hue; what is grey is the text's own colour. */
function nearest([red, green, blue]: Rgb): number | undefined {
  const most = Math.max(red, green, blue);
  if (most - Math.min(red, green, blue) < GREY) return undefined;
  // A part of a colour counts if it is more than half of the strongest: the bits of the eight colours.
  return [red, green, blue].reduce((sum, part, bit) => sum + (part > most / 2 ? 1 << bit : 0), 0);
}
