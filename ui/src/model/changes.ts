// What differs between two definitions of a job, and how the changes of two users come together. Pure.

import { type Draft, EDITABLE, isObject } from "./draft";

/** Where a value is: a field, and below it the keys of a map. */
export type Path = readonly string[];

export interface Change {
  readonly path: Path;
  /** Undefined where the value is not set. */
  readonly before: unknown;
  readonly after: unknown;
}

/** A place that two users have changed in different ways. */
export interface Clash {
  readonly path: Path;
  readonly mine: unknown;
  readonly theirs: unknown;
}

/** What counts where a field is not set. */
const DEFAULTS: Draft = { concurrency: "allow", executor: "shell" };

/** The changes that make `after` of `before`, in the order of the fields. */
export function changesOf(before: object, after: object): Change[] {
  const [old, fresh] = [leaves(before), leaves(after)];
  const found: Change[] = [];
  for (const key of new Set([...old.keys(), ...fresh.keys()])) {
    const [was, is] = [old.get(key), fresh.get(key)];
    if (text(was) !== text(is)) found.push({ path: JSON.parse(key), before: was, after: is });
  }
  return found.sort((a, b) => order(a.path) - order(b.path));
}

/** Whether two versions of a job are the same but for what runs change. */
export function sameDefinition(a: object, b: object): boolean {
  return changesOf(a, b).length === 0;
}

/** Where `mine` and `theirs` have changed the same value of `base` in different ways. */
export function clashesOf(base: object, mine: object, theirs: object): Clash[] {
  const changed = new Map(changesOf(base, theirs).map((each) => [JSON.stringify(each.path), each]));
  return changesOf(base, mine).flatMap(({ path, after }) => {
    const other = changed.get(JSON.stringify(path));
    return other && text(other.after) !== text(after) ? [{ path, mine: after, theirs: other.after }] : [];
  });
}

/** Their definition with my changes. Where both changed a value, theirs counts, unless `keep` says otherwise. */
export function merged(base: object, mine: Draft, theirs: Draft, keep: (path: Path) => boolean): Draft {
  const clashes = new Set(clashesOf(base, mine, theirs).map(({ path }) => JSON.stringify(path)));
  const taken = changesOf(base, mine).filter(({ path }) => !clashes.has(JSON.stringify(path)) || keep(path));
  const found = structuredClone(theirs);
  // Removals go first: a map without keys is a value of its own.
  for (const each of [...taken].sort((a, b) => Number(a.after !== undefined) - Number(b.after !== undefined))) {
    put(found, each.path, each.after);
  }
  return found;
}

/** A difference as the API tells it: `executor_config.command` is a key of a map, and a key may have dots. */
export function changeOf({ field, before, after }: { field: string; before: unknown; after: unknown }): Change {
  const [name = "", ...keys] = field.split(".");
  const path = keys.length ? [name, keys.join(".")] : [name];
  return { path, before: before ?? undefined, after: after ?? undefined };
}

/** A value as text for people; empty if it is not set. */
export function shown(value: unknown): string {
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}

/** The values of a definition by their paths as JSON. Values that are not set, or as by default, are not there. */
function leaves(draft: object): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [field, value] of Object.entries(draft)) {
    if (!(EDITABLE as readonly string[]).includes(field) || isUnset(value) || value === DEFAULTS[field]) continue;
    collect([field], value, found);
  }
  return found;
}

function collect(path: Path, value: unknown, found: Map<string, unknown>): void {
  const entries = isObject(value) ? Object.entries(value) : [];
  if (!entries.length) found.set(JSON.stringify(path), value);
  for (const [key, inner] of entries) {
    // A setting without a value is none, while metadata may be empty.
    if (path[0] === "executor_config" && isUnset(inner)) continue;
    collect([...path, key], inner, found);
  }
}

function isUnset(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false || value === 0) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function put(draft: Draft, path: Path, value: unknown): void {
  const [key = "", ...rest] = path;
  if (rest.length) {
    const inner: Draft = isObject(draft[key]) ? { ...draft[key] } : {};
    put(inner, rest, value);
    draft[key] = inner;
  } else if (value === undefined) delete draft[key];
  else draft[key] = value;
}

function order([field = ""]: Path): number {
  return (EDITABLE as readonly string[]).indexOf(field);
}

function text(value: unknown): string {
  return JSON.stringify(value) ?? "";
}
