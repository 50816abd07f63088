// Colours that a program chose for a terminal, made readable on the grounds of this page. Pure.

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** The luminance of the least favourable ground of a line in each theme, from 0 to 1. */
const GROUNDS = { light: 0.84, dark: 0.03 } as const;
/** The least contrast of text to its ground. */
const CONTRAST = 4.5;
const STEPS = 20;

/** The colour itself where it can be read, or else one nearer to black or to white. */
export function readableOn(colour: Rgb, theme: "light" | "dark"): string {
  const end = theme === "light" ? 0 : 255;
  for (let step = 0; ; step++) {
    const [red, green, blue] = colour.map((part) => Math.round(part + ((end - part) * step) / STEPS));
    const mixed: Rgb = [red ?? 0, green ?? 0, blue ?? 0];
    if (step === STEPS || contrast(luminance(mixed), GROUNDS[theme]) >= CONTRAST) return `rgb(${mixed.join(" ")})`;
  }
}

/** Of two luminances, by WCAG. */
export function contrast(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

/** From 0 to 1, by WCAG. */
export function luminance(colour: Rgb): number {
  const [red = 0, green = 0, blue = 0] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** One of the 240 colours of a palette after its first sixteen: a cube of 6 by 6 by 6, and shades of grey. */
export function ofPalette(index: number): Rgb | undefined {
  if (index < 16 || index > 255) return undefined;
  if (index > 231) {
    const grey = 8 + (index - 232) * 10;
    return [grey, grey, grey];
  }
  const level = (step: number) => [0, 95, 135, 175, 215, 255][step % 6] ?? 0;
  const place = index - 16;
  return [level(Math.floor(place / 36)), level(Math.floor(place / 6)), level(place)];
}
