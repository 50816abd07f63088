// The token of this tab. One that was typed in is in sessionStorage: it does not outlive the tab, and other tabs do not
// have it. The token of a sign-on is only in memory.

import { signal } from "@preact/signals";
import { WANTS_TOKEN } from "./installation";

const KEY = "dkron-token";
/** Says that the reader of this browser was signed on by the issuer, and has not signed out. */
const SIGNED_ON = "dkron-signed-on";

export const token = signal(sessionStorage.getItem(KEY) ?? "");
/** Why the reader has to sign in again; empty at first. */
export const farewell = signal("");
/** Whether the API wants a token that it did not get. */
export const locked = signal(WANTS_TOKEN && !token.peek());

/** Use a token that the reader has typed. */
export function signIn(text: string): void {
  token.value = text;
  sessionStorage.setItem(KEY, text);
  forgetSignOn();
}

/** Use a token of the issuer. */
export function signOn(text: string): void {
  token.value = text;
  sessionStorage.removeItem(KEY);
  localStorage.setItem(SIGNED_ON, "yes");
  farewell.value = "";
  locked.value = false;
}

/** Whether the provider may know the reader of this browser. */
export function hasSignedOn(): boolean {
  return localStorage.getItem(SIGNED_ON) !== null;
}

export function signOut(why = ""): void {
  token.value = "";
  sessionStorage.removeItem(KEY);
  farewell.value = why;
  locked.value = true;
}

/** Forget that there was a sign-on, so that none follows by itself. */
export function forgetSignOn(): void {
  localStorage.removeItem(SIGNED_ON);
}

/** The API has refused the token. The page stays, below the form that asks for another one. */
export function expired(): void {
  signOut(token.value ? "The token is not valid, or has expired. Use another one." : "");
}
