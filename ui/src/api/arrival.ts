// A sign-on comes back to the page with its answer in the address. It is taken from there before anything reads the
// address, and the reader is where they were.

import { ISSUER, ROOT } from "./installation";
import { isAnswer, type Pending } from "./oidc";

/** Where a sign-on that was begun is kept: it leaves this tab, and is used once. */
const PENDING = "dkron-sign-on";

export interface Arrival {
  readonly query: URLSearchParams;
  /** The sign-on that this tab has begun, if any. */
  readonly pending: Pending | undefined;
}

/** The answer of a provider that this page was loaded with. */
export const arrival = taken();

/** Remember a sign-on until it comes back. */
export function keepPending(pending: Pending): void {
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
}

function taken(): Arrival | undefined {
  if (!ISSUER) return undefined;
  const here = new URL(location.href);
  if (here.origin + here.pathname !== ROOT || !isAnswer(here.searchParams)) return undefined;
  const kept = sessionStorage.getItem(PENDING);
  sessionStorage.removeItem(PENDING);
  const pending = kept ? (JSON.parse(kept) as Pending) : undefined;
  const isOurs = pending?.state === here.searchParams.get("state");
  history.replaceState(null, "", isOurs ? pending?.path : ROOT);
  return { query: here.searchParams, pending };
}
