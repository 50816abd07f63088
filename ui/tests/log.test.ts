import { describe, expect, test } from "vitest";
import { linked } from "../src/model/addresses";
import { pieces, plainText } from "../src/model/ansi";
import { LONGEST_LINE, LogLines, linesWith, MOST_CHARACTERS, MOST_LINES } from "../src/model/log";

describe("pieces", () => {
  test.each([
    { name: "plain text", line: "a <b>", texts: ["a <b>"], styles: [{}] },
    { name: "a colour", line: "\x1b[31mred\x1b[0m on", texts: ["red", " on"], styles: [{ colour: 1 }, {}] },
    { name: "bold and bright", line: "\x1b[1;92mok", texts: ["ok"], styles: [{ bold: true, colour: 10 }] },
    { name: "of the palette", line: "\x1b[38;5;4mx", texts: ["x"], styles: [{ colour: 4 }] },
    { name: "of the palette's cube", line: "\x1b[38;5;208mx", texts: ["x"], styles: [{ colour: 3 }] },
    { name: "of the palette's greys", line: "\x1b[38;5;240mx", texts: ["x"], styles: [{ colour: undefined }] },
    { name: "beyond the palette", line: "\x1b[38;5;999mx", texts: ["x"], styles: [{ colour: undefined }] },
    { name: "true colour", line: "\x1b[38;2;250;20;9;4mx", texts: ["x"], styles: [{ colour: 1, underline: true }] },
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
    const log = of(...Array.from({ length: 300 }, () => `${"y".repeat(LONGEST_LINE)}\n`));
    expect(log.lines.join("").length).toBeLessThanOrEqual(MOST_CHARACTERS);
    expect(log.lines.length + log.dropped).toBe(300);
  });

  test("a line without an end is cut", () => {
    const log = of(...Array.from({ length: 50 }, () => "z".repeat(1000)));
    expect(log.lines.length).toBe(1);
    expect(log.lines[0]?.length).toBeLessThanOrEqual(LONGEST_LINE + 1);
  });
});

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

test("a search finds lines in any case", () => expect(linesWith(["Error", "ok", "an ERROR"], "error")).toEqual([0, 2]));
