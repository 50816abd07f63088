// Lines of a log that are JSON objects, as a person reads them: level, message, and the other fields as `key=value`. Pure.

import { inOrder, type Piece, type Style } from "./ansi";

/** The names that loggers give to the level and to the message. */
const LEVELS = ["level", "severity", "lvl", "levelname"];
const MESSAGES = ["msg", "message", "event"];

/** How a level looks; others have no colour. */
const LOOKS: readonly (readonly [RegExp, Style])[] = [
  [/^(err|crit|fatal|panic|alert|emerg)/i, { bold: true, colour: 1 }],
  [/^warn/i, { bold: true, colour: 3 }],
  [/^(debug|trace)/i, { dim: true }],
];

// A text, a number or a word, and the characters between them, of JSON that is known to be valid.
const TOKEN = /"(?:[^"\\]|\\.)*"|[^\s",:{}[\]]+|[{}[\],:]/g;
// Of these in a text the code is shown: a terminal would act on them.
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/;

/** The fields of a JSON object in a line, each with its value as it was written, in their order; undefined for any
 * other line. JSON.parse would round large numbers, and keep one of two fields of a name. */
function fieldsOf(line: string): [string, string][] | undefined {
  const text = line.trim();
  if (!text.startsWith("{") || !text.endsWith("}")) return undefined;
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  const found: [string, string][] = [];
  let depth = 0;
  let key: string | undefined;
  let value = "";
  for (const [token] of text.matchAll(TOKEN)) {
    if ("}]".includes(token)) depth -= 1;
    const ends = depth === 0 || (depth === 1 && token === ",");
    if (ends && key !== undefined) {
      found.push([key, value]);
      key = undefined;
      value = "";
    } else if (depth === 1 && key === undefined && token.startsWith('"')) key = JSON.parse(token);
    else if (key !== undefined && (depth > 1 || token !== ":")) value += token;
    if ("{[".includes(token)) depth += 1;
  }
  return found;
}

/** The pieces of a line of JSON with at least a field; undefined for any other line. */
export function readable(line: string): Piece[] | undefined {
  const fields = fieldsOf(line);
  if (!fields?.length) return undefined;
  const named = (names: readonly string[]) =>
    names.map((name) => fields.find(([key, value]) => key === name && value.startsWith('"'))).find(Boolean);
  const [level, message] = [named(LEVELS), named(MESSAGES)];
  const pieces: Piece[] = [];
  const add = (text: string, style: Style = {}) => pieces.push({ text: inOrder(text), style });
  if (level) {
    const word = decoded(level[1]);
    add(`${word.toUpperCase()} `, LOOKS.find(([pattern]) => pattern.test(word))?.[1]);
  }
  if (message) add(`${decoded(message[1])} `);
  for (const field of fields) {
    if (field === level || field === message) continue;
    const [key, value] = field;
    const text = decoded(value);
    const isLong = text !== value && text.includes("\n");
    add(`${isLong ? "\n" : ""}${printable(key)}=`, { dim: true });
    // Several lines, such as a stack trace, are shown as such; a text with spaces stays in its quotes.
    add(isLong ? `${text}\n` : `${/^[^\s"=]+$/.test(text) ? text : value} `);
  }
  const last = pieces.pop();
  if (last) pieces.push({ ...last, text: last.text.trimEnd() });
  return pieces;
}

/** The same as a text. */
export function readableText(line: string): string | undefined {
  return readable(line)
    ?.map(({ text }) => text)
    .join("");
}

/** Whether a line is shown in another way than it was written. */
export function isReadable(line: string): boolean {
  return Boolean(fieldsOf(line)?.length);
}

/** The text that a value of JSON means; the value as it was written if it is no text, or one that cannot be shown. */
function decoded(value: string): string {
  if (!value.startsWith('"')) return value;
  const text: string = JSON.parse(value);
  return CONTROL.test(text) ? value : text;
}

function printable(key: string): string {
  return CONTROL.test(key) ? JSON.stringify(key) : key;
}
