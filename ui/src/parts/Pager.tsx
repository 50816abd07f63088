// Pages of a list that the server cuts.

import { Link } from "wouter-preact";

interface Props {
  /** Counted from 0. */
  page: number;
  /** Entries of a page. */
  size: number;
  total: number;
  /** The address of a page. */
  to: (page: number) => string;
}

export function Pager({ page, size, total, to }: Props) {
  if (total <= size) return null;
  const last = Math.ceil(total / size) - 1;
  const first = page * size + 1;
  return (
    <nav class="pages" aria-label="Pages of the list">
      {page > 0 ? <Link href={to(page - 1)}>Previous</Link> : <span class="muted">Previous</span>}
      <span>
        {first} to {Math.min(total, first + size - 1)} of {total}
      </span>
      {page < last ? <Link href={to(page + 1)}>Next</Link> : <span class="muted">Next</span>}
    </nav>
  );
}

/** The page that the query of an address names. */
export function pageIn(search: string): number {
  return Math.max(0, Math.floor(Number(new URLSearchParams(search).get("page")) || 1) - 1);
}
