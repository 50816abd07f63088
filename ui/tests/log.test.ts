import { describe, expect, test } from "vitest";
import { linked } from "../src/model/addresses";
import { pieces, plainText } from "../src/model/ansi";
import { contrast, luminance, type Rgb, readableOn } from "../src/model/colour";
import { firstError } from "../src/model/firstError";
import { isReadable, readable, readableText } from "../src/model/jsonlines";
import {
  DRAWN,
  firstDrawn,
  LONGEST_LINE,
  LogLines,
  lineOf,
  linesWith,
  MOST_CHARACTERS,
  MOST_LINES,
  timed,
} from "../src/model/log";

describe("pieces", () => {
  test.each([
    { name: "plain text", line: "a <b>", texts: ["a <b>"], styles: [{}] },
    { name: "a colour", line: "\x1b[31mred\x1b[0m on", texts: ["red", " on"], styles: [{ colour: 1 }, {}] },
    { name: "bold and bright", line: "\x1b[1;92mok", texts: ["ok"], styles: [{ bold: true, colour: 10 }] },
    { name: "of the palette", line: "\x1b[38;5;4mx", texts: ["x"], styles: [{ colour: 4 }] },
    { name: "of the palette's cube", line: "\x1b[38;5;208mx", texts: ["x"], styles: [{ own: [255, 135, 0] }] },
    { name: "of the palette's greys", line: "\x1b[38;5;240mx", texts: ["x"], styles: [{ own: [88, 88, 88] }] },
    {
      name: "of the palette, and then of the sixteen",
      line: "\x1b[38;5;208;31mx",
      texts: ["x"],
      styles: [{ colour: 1 }],
    },
    { name: "beyond the palette", line: "\x1b[38;5;999mx", texts: ["x"], styles: [{ colour: undefined }] },
    {
      name: "true colour",
      line: "\x1b[38;2;250;20;9;4mx",
      texts: ["x"],
      styles: [{ own: [250, 20, 9], underline: true }],
    },
    { name: "a true colour that is cut", line: "\x1b[38;2mx", texts: ["x"], styles: [{ colour: undefined }] },
    {
      name: "a ground",
      line: "\x1b[41;97mx\x1b[49my",
      texts: ["x", "y"],
      styles: [
        { ground: 1, colour: 15 },
        { ground: undefined, colour: 15 },
      ],
    },
    { name: "a ground of the palette", line: "\x1b[48;5;10mx", texts: ["x"], styles: [{ ground: 2 }] },
    { name: "inverse", line: "\x1b[7ma\x1b[27mb", texts: ["a", "b"], styles: [{ inverse: true }, { inverse: false }] },
    { name: "a title and a cursor", line: "\x1b]0;title\x07a\x1b[2Kb", texts: ["a", "b"], styles: [{}, {}] },
    { name: "a progress bar", line: "10%\r50%\r100%\r", texts: ["100%"], styles: [{}] },
    { name: "control characters", line: "a\x00\x07b", texts: ["a", "b"], styles: [{}, {}] },
    {
      name: "what turns the order around",
      line: "ok\u202e\x1b[1m\u2066x\u200f",
      texts: ["ok<U+202E>", "<U+2066>x\u200f"],
      styles: [{}, { bold: true }],
    },
    { name: "half a sequence", line: "a\x1b[3", texts: ["a"], styles: [{}] },
  ])("$name", ({ line, texts, styles }) => {
    const found = pieces(line).pieces;
    expect(found.map((piece) => piece.text)).toEqual(texts);
    expect(found.map((piece) => piece.style)).toEqual(styles);
    expect(plainText(line)).toBe(texts.join(""));
  });

  test("a colour goes on in the next line", () => {
    const first = pieces("\x1b[32mgreen");
    expect(pieces("still", first.style).pieces).toEqual([{ text: "still", style: { colour: 2 } }]);
  });
});

describe("a colour of a program", () => {
  const GROUNDS: Record<"light" | "dark", Rgb[]> = {
    light: [
      [255, 255, 255],
      [247, 247, 244],
      [227, 240, 240],
      [251, 234, 232],
    ],
    dark: [
      [18, 22, 24],
      [28, 51, 54],
      [52, 41, 15],
      [58, 32, 32],
    ],
  };
  test.each<{ colour: Rgb; light: string; dark: string }>([
    { colour: [0, 0, 135], light: "rgb(0 0 135)", dark: "rgb(153 153 207)" },
    { colour: [255, 255, 0], light: "rgb(102 102 0)", dark: "rgb(255 255 0)" },
    { colour: [88, 88, 88], light: "rgb(88 88 88)", dark: "rgb(155 155 155)" },
  ])("can be read: $colour", ({ colour, light, dark }) => {
    expect([readableOn(colour, "light"), readableOn(colour, "dark")]).toEqual([light, dark]);
    for (const theme of ["light", "dark"] as const) {
      const shown = readableOn(colour, theme).match(/\d+/g)?.map(Number) as unknown as Rgb;
      for (const ground of GROUNDS[theme]) {
        expect(contrast(luminance(shown), luminance(ground))).toBeGreaterThanOrEqual(4.5);
      }
    }
  });
});

describe("the first error of a log", () => {
  test.each([
    { name: "of Python", lines: ["start", "Traceback (most recent call last):", "ValueError: no"], is: 1 },
    { name: "of Go", lines: ["ok", "panic: nil map"], is: 1 },
    { name: "of Java", lines: ['Exception in thread "main" x', "Caused by: y"], is: 0 },
    { name: "of a shell", lines: ["copy", "run.sh: line 3: foo: command not found"], is: 1 },
    { name: "of a tool", lines: ["dump", "pg_dump: error: connection refused"], is: 1 },
    { name: "in JSON", lines: ['{"level":"info","msg":"failed before"}', '{"level":"error","msg":"no"}'], is: 1 },
    { name: "in colour", lines: ["a", "\x1b[31mERROR\x1b[0m no disk"], is: 1 },
    { name: "that is sure comes before one that may be", lines: ["retry failed", "x", "ERROR: gone"], is: 2 },
    { name: "that may be one", lines: ["a", "upload refused", "could not go on"], is: 1 },
    {
      name: "is not one that says there is none",
      lines: ["0 errors", "errors: 0", "no fatal errors", "done"],
      is: undefined,
    },
    { name: "of nothing", lines: [], is: undefined },
  ])("$name", ({ lines, is }) => expect(firstError(lines)).toBe(is));
});

describe("LogLines", () => {
  const of = (...texts: string[]) => {
    const log = new LogLines();
    for (const text of texts) log.add(text);
    return log;
  };

  test.each([
    { name: "whole lines", texts: ["a\nb\n"], lines: ["a", "b"] },
    { name: "a line in pieces", texts: ["a", "b", "c\nd"], lines: ["abc", "d"] },
    { name: "an empty line", texts: ["a\n", "\nb\n"], lines: ["a", "", "b"] },
    { name: "nothing", texts: [""], lines: [] },
  ])("$name", ({ texts, lines }) => expect(of(...texts).lines).toEqual(lines));

  test("old lines go, and are counted", () => {
    const log = of(...Array.from({ length: 3 }, () => "x\n".repeat(MOST_LINES)));
    expect([log.lines.length, log.dropped]).toEqual([MOST_LINES, 2 * MOST_LINES]);
  });

  test("memory is bounded by characters as well", () => {
    const log = of(...Array.from({ length: 900 }, () => `${"y".repeat(LONGEST_LINE)}\n`));
    expect(log.lines.join("").length).toBeLessThanOrEqual(MOST_CHARACTERS);
    expect([log.lines.length + log.dropped, log.dropped > 0]).toEqual([900, true]);
  });

  test("a line without an end is cut", () => {
    const log = of(...Array.from({ length: 50 }, () => "z".repeat(1000)));
    expect(log.lines.length).toBe(1);
    expect(log.lines[0]?.length).toBeLessThanOrEqual(LONGEST_LINE + 1);
  });
});

test.each([
  { name: "the last lines", wanted: undefined, count: DRAWN + 7, is: 7 },
  { name: "all of a short log", wanted: undefined, count: 3, is: 0 },
  { name: "those that are wanted", wanted: 5, count: DRAWN + 7, is: 5 },
  { name: "none before the first", wanted: -5, count: DRAWN + 7, is: 0 },
  { name: "none after the last", wanted: 50, count: DRAWN + 7, is: 7 },
])("of a log are drawn: $name", ({ wanted, count, is }) => expect(firstDrawn(wanted, count)).toBe(is));

describe("addresses in a text", () => {
  test.each([
    { text: "see https://a.example/x?y=1#z.", links: ["https://a.example/x?y=1#z"] },
    { text: "(http://a.example:8080/) and HTTPS://b.example", links: ["http://a.example:8080/"] },
    { text: "javascript:alert(1) ftp://a.example //a.example", links: [] },
    { text: "https://bank.example@evil.example/", links: [] },
    { text: "https://user:secret@a.example/", links: [] },
    { text: "https://a.example/\u202egpj.exe", links: ["https://a.example/"] },
    { text: "https://а.example/ has a Cyrillic letter", links: [] },
    { text: "http://[", links: [] },
    { text: 'href="https://a.example/"onclick=x', links: ["https://a.example/"] },
  ])("$text", ({ text, links }) => {
    const parts = linked(text);
    expect(parts.filter(({ href }) => href).map((part) => part.href)).toEqual(links);
    expect(parts.every(({ href, text: shown }) => !href || href === shown)).toBe(true);
    expect(parts.map((part) => part.text).join("")).toBe(text);
  });
});

describe("lines of JSON", () => {
  test.each([
    { name: "of zap", line: '{"level":"warn","ts":1.5,"msg":"slow query","n":3}', text: "WARN slow query ts=1.5 n=3" },
    { name: "of slog", line: '{"time":"T1","level":"INFO","msg":"up"}', text: "INFO up time=T1" },
    { name: "of structlog", line: '{"event": "paid", "to": "Ann B"}', text: 'paid to="Ann B"' },
    { name: "a level that is a number", line: '{"level":50,"msg":"x"}', text: "x level=50" },
    { name: "nested", line: '{"a":{"b":[1, 2, {"c":null}]},"d":true}', text: 'a={"b":[1,2,{"c":null}]} d=true' },
    {
      name: "a large number as written",
      line: '{"id":12345678901234567890,"f":1.0}',
      text: "id=12345678901234567890 f=1.0",
    },
    { name: "a name twice", line: '{"a":1,"a":2}', text: "a=1 a=2" },
    { name: "braces in a text", line: '{"a":"},{\\"b\\":1","c":2}', text: 'a="},{\\"b\\":1" c=2' },
    { name: "an empty text", line: '{"a":""}', text: 'a=""' },
    { name: "a stack of lines", line: '{"msg":"x","stack":"a\\n  b","n":1}', text: "x \nstack=a\n  b\nn=1" },
    { name: "escapes of a terminal", line: '{"msg":"\\u001b[31mred\\r","k":1}', text: '"\\u001b[31mred\\r" k=1' },
    { name: "what turns the order around", line: '{"msg":"ok\\u202ex"}', text: "ok<U+202E>x" },
    { name: "a key of a prototype", line: '{"__proto__":{"a":1}}', text: '__proto__={"a":1}' },
    { name: "not JSON", line: "{ok}", text: undefined },
    { name: "a list", line: "[1]", text: undefined },
    { name: "an empty object", line: "{}", text: undefined },
    { name: "a line that was cut", line: '{"a":1…', text: undefined },
  ])("$name", ({ line, text }) => {
    expect(readableText(line)).toBe(text);
    expect(isReadable(line)).toBe(text !== undefined);
  });

  test("an error is red, and keys are dim", () => {
    const styles = readable('{"severity":"ERROR","n":1}')?.map(({ style }) => style);
    expect(styles).toEqual([{ bold: true, colour: 1 }, { dim: true }, {}]);
  });
});

describe("times of lines", () => {
  test.each([
    { line: "2026-11-30T05:41:02.123456789Z hello", at: "2026-11-30T05:41:02.123456789Z", text: "hello" },
    { line: "2026-11-30T05:41:02+01:00 ", at: "2026-11-30T05:41:02+01:00", text: "" },
    {
      line: "2026-11-30T05:41:02Z 2026-11-30T05:00:00Z own",
      at: "2026-11-30T05:41:02Z",
      text: "2026-11-30T05:00:00Z own",
    },
    { line: "failed to watch the file", at: "", text: "failed to watch the file" },
  ])("$line", ({ line, at, text }) => expect(timed(line)).toEqual({ at, text }));
});

test.each([
  { fragment: "#L12", line: 12 },
  { fragment: "#L0", line: undefined },
  { fragment: "#L1e9", line: undefined },
  { fragment: "#main", line: undefined },
  { fragment: "", line: undefined },
])("the line that $fragment names", ({ fragment, line }) => expect(lineOf(fragment)).toBe(line));

test("a search finds lines in any case", () => expect(linesWith(["Error", "ok", "an ERROR"], "error")).toEqual([0, 2]));
