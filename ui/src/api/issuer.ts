// Requests to the issuer that signs the reader on. It has to allow them to this page's origin (CORS).

import type { Issuer } from "./installation";
import { type Provider, providerOf } from "./oidc";

/** Milliseconds within which it has to answer. */
const PATIENCE = 15_000;

/** Where the issuer signs on. Throws a sentence. */
export async function providerAt({ url }: Issuer): Promise<Provider> {
  return providerOf(await asked(url, `${url.replace(/\/+$/, "")}/.well-known/openid-configuration`), url);
}

/** The issuer's answer to a code, or for a refresh token. Throws a sentence. */
export function exchanged(issuer: Issuer, provider: Provider, given: Record<string, string>): Promise<unknown> {
  const body = new URLSearchParams({ client_id: issuer.client, ...given });
  return asked(issuer.url, provider.token, { method: "POST", body });
}

async function asked(issuer: string, url: string, request: RequestInit = {}): Promise<unknown> {
  const bounds: RequestInit = { credentials: "omit", redirect: "error", signal: AbortSignal.timeout(PATIENCE) };
  let answer: Response;
  try {
    answer = await fetch(url, { ...request, ...bounds });
  } catch {
    throw new Error(`${issuer} does not answer this page. Does it allow requests from ${location.origin} (CORS)?`);
  }
  const body = await answer.json().catch(() => undefined);
  if (answer.ok) return body;
  throw new Error(`${issuer} refuses: ${body?.error_description ?? body?.error ?? `status ${answer.status}`}`);
}
