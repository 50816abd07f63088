// Sign-on by the issuer, where there is one. The token is only in memory: after a reload the provider is asked again,
// and does not ask the reader as long as their session there lives.

import { signal } from "@preact/signals";
import { arrival, keepPending } from "../api/arrival";
import { ISSUER, type Issuer, ROOT } from "../api/installation";
import { exchanged, providerAt } from "../api/issuer";
import { base64url, claimsOf, codeOf, idTokenOf, type Pending, signOnAddress } from "../api/oidc";
import { farewell, hasSignedOn, locked, signOn, token } from "../api/token";
import { endOf } from "../model/token";
import { serverNow } from "./clock";
import { identify, whoami } from "./session";

/** Whether a sign-on is under way, and the page waits for it. */
export const signingOn = signal(false);

/** Milliseconds before its end at which a token is replaced, and at least between two sign-ons without a question. */
const AHEAD = 30_000;
const APART = 60_000;
/** Milliseconds that a timer of a browser can wait. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** Tabs of this page tell each other of a sign-on: what is typed in one is not lost for it. */
const tabs = ISSUER && typeof BroadcastChannel !== "undefined" ? new BroadcastChannel("dkron-sign-on") : undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let signedOnAt = Number.NEGATIVE_INFINITY;

/** Use the sign-on that the page was loaded with, or have the provider sign on again who was signed on before. */
export async function resume(): Promise<void> {
  const issuer = ISSUER;
  if (!issuer) return;
  if (tabs) tabs.onmessage = ({ data }) => adopt(data);
  // Back from the provider, a browser may show the page as it was when it was left.
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) signingOn.value = false;
  });
  if (arrival) await during(() => arrive(issuer));
  else if (locked.peek() && hasSignedOn()) await begin(true);
}

/** Go to the provider and come back to this view. `isSilent`: without a question to the reader. */
export async function begin(isSilent = false): Promise<void> {
  const issuer = ISSUER;
  if (!issuer) return;
  await during(async () => {
    // Browsers have no cryptography for pages that came by http from another machine.
    if (!isSecureContext) throw new Error("Sign-on needs this page by https.");
    const provider = await providerAt(issuer);
    const pending = fresh(isSilent);
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pending.verifier));
    keepPending(pending);
    const asked = { client: issuer.client, redirect: ROOT, challenge: base64url(new Uint8Array(hash)) };
    const address = signOnAddress(provider, pending, asked);
    if (isSilent) location.replace(address);
    else location.assign(address);
    // The page waits until it is left.
    await new Promise(() => undefined);
  });
}

/** Whether the provider may be asked without a question to the reader, now that the token has ended: the API did not
 * refuse a token that is new. */
export function mayRenew(): boolean {
  return hasSignedOn() && performance.now() - signedOnAt > APART;
}

/** Go on with the token that another tab has got, where the reader has not signed out of this one. */
function adopt(idToken: unknown): void {
  if (!locked.peek() || !whoami.peek() || typeof idToken !== "string") return;
  signOn(idToken);
  // Another reader may have signed on.
  identify().catch(() => undefined);
}

async function during(action: () => Promise<void>): Promise<void> {
  signingOn.value = true;
  farewell.value = "";
  try {
    await action();
  } catch (error) {
    farewell.value = error instanceof Error ? error.message : String(error);
  }
  signingOn.value = false;
}

async function arrive(issuer: Issuer): Promise<void> {
  const { query, pending } = arrival ?? {};
  const code = codeOf(query ?? new URLSearchParams(), pending, issuer.url);
  if (!code || !pending) return;
  const provider = await providerAt(issuer);
  const given = { grant_type: "authorization_code", code, redirect_uri: ROOT, code_verifier: pending.verifier };
  const answer = await exchanged(issuer, provider, given);
  signedOnAt = performance.now();
  hold(idTokenOf(answer, pending.nonce, issuer.url), refreshTokenOf(answer));
}

/** Use this token, and replace it before it ends where the provider gives a refresh token. */
function hold(idToken: string, refreshToken: string): void {
  signOn(idToken);
  tabs?.postMessage(idToken);
  clearTimeout(timer);
  const ends = endOf(idToken);
  if (!refreshToken || ends === undefined) return;
  const wait = Math.max(AHEAD, ends - serverNow() - AHEAD);
  timer = setTimeout(() => void replace(idToken, refreshToken), Math.min(wait, LONGEST_WAIT));
}

async function replace(held: string, refreshToken: string): Promise<void> {
  // The reader may have signed out, or in with another token.
  if (!ISSUER || token.peek() !== held) return;
  try {
    const given = { grant_type: "refresh_token", refresh_token: refreshToken };
    const answer = await exchanged(ISSUER, await providerAt(ISSUER), given);
    const next = (answer as { id_token?: unknown }).id_token;
    if (typeof next !== "string" || claimsOf(next).sub !== claimsOf(held).sub) return;
    if (token.peek() === held) hold(next, refreshTokenOf(answer) || refreshToken);
  } catch {
    // The token that is there is used until it ends; then the reader signs on again.
  }
}

function refreshTokenOf(answer: unknown): string {
  const found = (answer as { refresh_token?: unknown } | null)?.refresh_token;
  return typeof found === "string" ? found : "";
}

function fresh(isSilent: boolean): Pending {
  const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
  const path = location.pathname + location.search + location.hash;
  return { state: random(), nonce: random(), verifier: random(), path, isSilent };
}
