// Lists of jobs that a reader has saved: a name for the query of an address. Pure.

export interface SavedView {
  readonly name: string;
  /** As in `/jobs?state=failing&sort=next`, without the question mark. */
  readonly query: string;
}

/** Views to keep, and characters of a name and of a query. */
const MOST = 50;
const LONGEST_NAME = 60;
const LONGEST_QUERY = 1000;

/** The views of a stored text; none of a text that is no list of them. */
export function viewsIn(stored: string | null): SavedView[] {
  try {
    const found: unknown = JSON.parse(stored ?? "[]");
    return Array.isArray(found) ? found.filter(isView).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

function isView(value: unknown): value is SavedView {
  const { name, query } = (value ?? {}) as Record<string, unknown>;
  return typeof name === "string" && name !== "" && typeof query === "string" && query.length <= LONGEST_QUERY;
}

/** The views with another one, sorted by name; it takes the place of one with its name. */
export function withView(views: readonly SavedView[], { name, query }: SavedView): SavedView[] {
  const added = { name: name.trim().slice(0, LONGEST_NAME), query };
  const others = views.filter((each) => each.name !== added.name);
  if (!isView(added) || others.length >= MOST) return [...views];
  return [...others, added].sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}
