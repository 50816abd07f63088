// The token of this tab. It is in sessionStorage: it does not outlive the tab, and other tabs do not have it.

import { signal } from "@preact/signals";

const KEY = "dkron-token";

export const token = signal(sessionStorage.getItem(KEY) ?? "");
/** Why the reader has to sign in again; empty at first. */
export const farewell = signal("");
/** Whether the API wants a token that it did not get. */
export const locked = signal(false);

export function signIn(text: string): void {
  token.value = text;
  sessionStorage.setItem(KEY, text);
}

export function signOut(why = ""): void {
  token.value = "";
  sessionStorage.removeItem(KEY);
  farewell.value = why;
  locked.value = true;
}

/** The API has refused the token. What is on the page stays, below the form that asks for another one. */
export function expired(): void {
  signOut(token.value ? "The token is not valid, or has expired. Use another one." : "");
}
