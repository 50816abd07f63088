// Sign-on by OpenID Connect, as far as it is text: the authorization code flow with PKCE (RFC 6749, RFC 7636). Pure.

/** The state of a sign-on until it comes back. */
export interface Pending {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** The address that the reader was at, without its origin. */
  readonly path: string;
  /** Whether the reader was not to be asked for anything. */
  readonly isSilent: boolean;
}

/** Of an issuer's description (OpenID Connect Discovery 1.0 §3): what a sign-on needs. */
export interface Provider {
  readonly authorize: string;
  readonly token: string;
  readonly scopes: readonly string[];
}

/** Claims that tokens may be judged by; of others the page has no use. */
const SCOPES = ["openid", "profile", "email", "groups"];
/** Errors that say that the provider would have to ask the reader (OpenID Connect Core 1.0 §3.1.2.6). */
const WOULD_ASK = ["login_required", "interaction_required", "consent_required", "account_selection_required"];

/** The issuer's description of itself. Throws a sentence if it cannot sign a reader on. */
export function providerOf(description: unknown, issuer: string): Provider {
  const said = (description ?? {}) as Record<string, unknown>;
  if (said.issuer !== issuer) throw new Error(`${issuer} describes itself as ${said.issuer}.`);
  const [authorize, token] = [safeAddress(said.authorization_endpoint), safeAddress(said.token_endpoint)];
  if (!authorize || !token) throw new Error(`${issuer} signs on no readers: it names no endpoints for that.`);
  // The content security policy allows no other address.
  if (token.origin !== new URL(issuer).origin) {
    throw new Error(`${issuer} has its tokens at ${token.origin}; this page may ask the address of the issuer only.`);
  }
  const offered = Array.isArray(said.scopes_supported) ? said.scopes_supported : ["openid"];
  const scopes = SCOPES.filter((each) => each === "openid" || offered.includes(each));
  return { authorize: authorize.href, token: token.href, scopes };
}

/** An address that what is secret may be sent to: by https, or on this machine. */
function safeAddress(text: unknown): URL | undefined {
  if (typeof text !== "string" || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isOwn = url.protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  return url.protocol === "https:" || isOwn ? url : undefined;
}

interface Asked {
  client: string;
  redirect: string;
  challenge: string;
}

/** The address at the provider that signs the reader on. */
export function signOnAddress(provider: Provider, pending: Pending, { client, redirect, challenge }: Asked): string {
  const url = new URL(provider.authorize);
  const asked = {
    response_type: "code",
    client_id: client,
    redirect_uri: redirect,
    scope: provider.scopes.join(" "),
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: challenge,
    code_challenge_method: "S256",
    ...(pending.isSilent && { prompt: "none" }),
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  return url.href;
}

/** Whether the query of an address is a provider's answer. */
export function isAnswer(query: URLSearchParams): boolean {
  return query.has("state") && (query.has("code") || query.has("error"));
}

/** The code of a provider's answer; empty if it would have to ask the reader first, which was not wanted. Throws a
 * sentence for any other answer, and for one that does not belong to `pending`, before anything else of it is read. */
export function codeOf(query: URLSearchParams, pending: Pending | undefined, issuer: string): string {
  if (!pending || query.get("state") !== pending.state) {
    throw new Error("This sign-on was not begun in this tab, or was used before. Sign in again.");
  }
  // RFC 9207: which issuer it is from, where it says so.
  if (query.has("iss") && query.get("iss") !== issuer) throw new Error("Another issuer has answered. Sign in again.");
  const error = query.get("error");
  if (error && pending.isSilent && WOULD_ASK.includes(error)) return "";
  if (error) throw new Error(`${issuer} does not sign you on: ${query.get("error_description") || error}`);
  return query.get("code") ?? "";
}

/** The ID token of an answer to a code. Throws a sentence if it has none, or one for another sign-on. */
export function idTokenOf(answer: unknown, nonce: string, issuer: string): string {
  const token = (answer as { id_token?: unknown } | null)?.id_token;
  if (typeof token !== "string") throw new Error(`${issuer} has answered without an ID token.`);
  if (claimsOf(token).nonce !== nonce) throw new Error("The ID token belongs to another sign-on. Sign in again.");
  return token;
}

/** The claims of a JSON Web Token, which prove nothing; none of another text. */
export function claimsOf(token: string): Record<string, unknown> {
  const [, payload, signature] = token.split(".");
  if (!payload || signature === undefined) return {};
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof claims === "object" && claims !== null ? (claims as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Bytes as text for an address (RFC 4648 §5, without padding). */
export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
