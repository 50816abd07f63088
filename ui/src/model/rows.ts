// Which rows of a long list are drawn: those on the screen, and some before and after. Pure.

/** Rows before and after the screen. */
const AROUND = 8;
/** Rows that one request brings. */
export const PORTION = 50;

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The rows to draw. `top` and `height` are in pixels, as is a row. */
export function drawn(top: number, height: number, row: number, total: number): Range {
  const first = Math.floor(top / row);
  const end = Math.min(total, first + Math.ceil(height / row) + 1 + AROUND);
  return { start: Math.max(0, Math.min(first - AROUND, end)), end };
}

/** The rows to ask for so that these can be drawn: whole portions, so that a few pixels more ask for nothing. */
export function wanted({ start, end }: Range): Range {
  return { start: Math.floor(start / PORTION) * PORTION, end: Math.max(1, Math.ceil(end / PORTION)) * PORTION };
}
