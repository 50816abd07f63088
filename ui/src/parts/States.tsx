// Views that have nothing to show: each says what is the matter, and what to do.

import type { ComponentChildren } from "preact";
import { isOld } from "../state/live";
import type { Query } from "../state/query";

/** Why something could not be read, with another try where that may help. */
export function Failure({ query }: { query: Pick<Query<unknown>, "error" | "reload"> }) {
  const { error, reload } = query;
  // While nothing answers, the line at the top of the page says so.
  if (!error || (error.status === 0 && isOld())) return null;
  return (
    <div class="note bad" role="alert">
      <p>{sentence(error.status, error.message)}</p>
      {error.status !== 403 && (
        <button type="button" onClick={reload}>
          Try again
        </button>
      )}
    </div>
  );
}

function sentence(status: number, text: string): string {
  if (status === 403) return `You may not see this: ${text}.`;
  return text;
}

interface EmptyProps {
  title: string;
  /** It stands for the whole page, and is its heading. */
  page?: boolean;
  children?: ComponentChildren;
}

/** Nothing to show: why, and what to do about it. */
export function Empty({ title, page = false, children }: EmptyProps) {
  return (
    <div class={page ? "empty whole" : "empty"}>
      {page ? <h1 class="empty-title">{title}</h1> : <p class="empty-title">{title}</p>}
      {children}
    </div>
  );
}

/** In place of data that are not there: rows to come, unless reading them failed. */
export function Pending({ query }: { query: Pick<Query<unknown>, "error"> }) {
  return query.error ? <p class="muted">It could not be read.</p> : <Loading />;
}

/** Rows to come. */
export function Loading({ rows = 3 }: { rows?: number }) {
  return (
    <div class="loading" role="status">
      <span class="spoken">Loading</span>
      {Array.from({ length: rows }, (_, index) => (
        <i key={index} />
      ))}
    </div>
  );
}
