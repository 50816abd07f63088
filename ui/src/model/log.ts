// The lines of a log that is still being written, within a bound of memory. Pure.

/** Lines and characters to keep; older ones go first. */
export const MOST_LINES = 50_000;
export const MOST_CHARACTERS = 8_000_000;
/** Lines that are elements at a time, and how many others come at either end. */
export const DRAWN = 5000;
export const STEP = 1000;
/** A longer line is cut, so that one line cannot fill the memory. */
export const LONGEST_LINE = 20_000;

export class LogLines {
  /** Complete lines, and at the end the one that is being written, if any. */
  lines: string[] = [];
  /** How many lines were dropped before the first that is kept. */
  dropped = 0;
  private open = false;
  private characters = 0;

  /** Take in the next piece of text, which may begin and end within a line. */
  add(text: string): void {
    const parts = text.split("\n");
    parts.forEach((part, index) => {
      if (index === parts.length - 1 && part === "") {
        this.open = false;
        return;
      }
      if (index === 0 && this.open && this.lines.length) this.extend(part);
      else this.push(part);
      this.open = index === parts.length - 1;
    });
    this.trim();
  }

  private push(line: string): void {
    const cut = shortened(line);
    this.lines.push(cut);
    this.characters += cut.length;
  }

  private extend(part: string): void {
    const before = this.lines.pop() ?? "";
    this.characters -= before.length;
    this.push(before + part);
  }

  private trim(): void {
    let extra = Math.max(0, this.lines.length - MOST_LINES);
    let kept = this.characters;
    for (let at = 0; at < extra; at++) kept -= this.lines[at]?.length ?? 0;
    while (kept > MOST_CHARACTERS && extra < this.lines.length - 1) kept -= this.lines[extra++]?.length ?? 0;
    if (extra) {
      this.lines.splice(0, extra);
      this.dropped += extra;
      this.characters = kept;
    }
  }
}

function shortened(line: string): string {
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line;
}

/** The index of the first line that is drawn, of so many: the wanted one, or else the first of the last ones. */
export function firstDrawn(wanted: number | undefined, count: number): number {
  const last = Math.max(0, count - DRAWN);
  return wanted === undefined ? last : Math.max(0, Math.min(wanted, last));
}

/** A line of a log. */
export interface TimedLine {
  /** When it was written, a time of RFC 3339; empty if that is not known. */
  readonly at: string;
  readonly text: string;
}

/** What Kubernetes puts before each line. */
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) /;

/** A line that begins with its time, in its parts. */
export function timed(line: string): TimedLine {
  const at = TIME.exec(line)?.[1] ?? "";
  return { at, text: at ? line.slice(at.length + 1) : line };
}

/** The number of the line that a fragment of an address names, `#L12`; undefined for any other fragment. */
export function lineOf(fragment: string): number | undefined {
  const found = /^#L([1-9]\d{0,8})$/.exec(fragment);
  return found ? Number(found[1]) : undefined;
}

/** The indices of the lines that contain the text, in any case. */
export function linesWith(lines: readonly string[], text: string): number[] {
  const wanted = text.toLowerCase();
  if (!wanted) return [];
  return lines.flatMap((line, index) => (line.toLowerCase().includes(wanted) ? [index] : []));
}
