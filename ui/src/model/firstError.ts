// Which line of a log says why a run failed: the first that looks like an error. Pure.

import { plainText } from "./ansi";

/** A line that begins an error, as programs and languages write it. Its parts are in the case in which they do. */
const SURE = [
  /^\s*Traceback \(most recent call last\)/,
  /^\s*(?:panic|fatal error|FATAL|Fatal error|fatal|PANIC): ?/,
  /^\s*(?:Exception in thread|Unhandled|Uncaught|Segmentation fault|Killed\b|ERROR\b|Error:|error:|error\[)/,
  /(?:^|[\s[:|(])(?:ERROR|FATAL|CRITICAL|SEVERE|PANIC)(?:[\s\]:|)]|$)/,
  /\b(?:[A-Z]\w*(?:Error|Exception)|error|fatal): \S/,
  /"?(?:level|severity|lvl)"?\s*[=:]\s*"?(?:error|fatal|critical|panic|crit|err)\b/i,
  /: (?:command not found|No such file or directory|Permission denied|Connection refused|cannot open)\b/i,
];
const PERHAPS = /\b(?:error|failed|failure|fatal|exception|refused|denied|timed out|cannot|could not|unable to)\b/i;
/** Texts of a line that says there is none. */
const NONE = [
  /\b(?:no|0|without|zero) (?:\w+ )?(?:errors?|failures?|exceptions?)\b/i,
  /\b(?:errors?|failed|failures)\W{1,3}(?:0|none|nil|null)\b/i,
];
/** Characters of a line that are looked at. */
const LOOKED = 500;

/** The index of the first line that is sure to be an error, or else of the first that may be one. */
export function firstError(lines: readonly string[]): number | undefined {
  let perhaps: number | undefined;
  for (const [index, line] of lines.entries()) {
    const text = plainText(line.slice(0, LOOKED));
    if (NONE.some((pattern) => pattern.test(text))) continue;
    if (SURE.some((pattern) => pattern.test(text))) return index;
    if (perhaps === undefined && PERHAPS.test(text)) perhaps = index;
  }
  return perhaps;
}
