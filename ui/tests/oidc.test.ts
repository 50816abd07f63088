import { describe, expect, test } from "vitest";
import { codeOf, idTokenOf, isAnswer, type Pending, providerOf, signOnAddress } from "../src/api/oidc";

const ISSUER = "https://login.example.com/realms/a";
const PENDING: Pending = { state: "s", nonce: "n", verifier: "v", path: "/ui/jobs", isSilent: false };
const DESCRIBED = {
  issuer: ISSUER,
  authorization_endpoint: "https://login.example.com/authorize?tenant=1",
  token_endpoint: "https://login.example.com/token",
};

/** The result of a function, or the sentence that it throws. */
function outcome(of: () => unknown): unknown {
  try {
    return of();
  } catch (error) {
    return (error as Error).message;
  }
}

describe("an issuer", () => {
  test.each([
    { name: "of another name", changes: { issuer: `${ISSUER}/` }, says: `${ISSUER} describes itself as ${ISSUER}/.` },
    { name: "without endpoints", changes: { token_endpoint: undefined }, says: /names no endpoints/ },
    { name: "by plain http", changes: { token_endpoint: "http://login.example.com/token" }, says: /no endpoints/ },
    { name: "with a script", changes: { authorization_endpoint: "javascript:alert(1)" }, says: /no endpoints/ },
    { name: "elsewhere", changes: { token_endpoint: "https://tokens.example.com/" }, says: /https:\/\/tokens.example/ },
  ])("$name signs no reader on", ({ changes, says }) => {
    const said = outcome(() => providerOf({ ...DESCRIBED, ...changes }, ISSUER));
    expect(said).toEqual(typeof says === "string" ? says : expect.stringMatching(says));
  });

  test.each([
    { offered: undefined, scopes: ["openid"] },
    { offered: ["openid", "offline_access", "groups", "email"], scopes: ["openid", "email", "groups"] },
  ])("that offers $offered is asked for $scopes", ({ offered, scopes }) => {
    expect(providerOf({ ...DESCRIBED, scopes_supported: offered }, ISSUER).scopes).toEqual(scopes);
  });
});

test.each([
  { isSilent: false, prompt: null },
  { isSilent: true, prompt: "none" },
])("the address of a sign-on that is silent: $isSilent", ({ isSilent, prompt }) => {
  const asked = { client: "dkron", redirect: "https://cron.example.com/ui/", challenge: "c" };
  const provider = providerOf({ ...DESCRIBED, scopes_supported: ["email"] }, ISSUER);
  const query = new URL(signOnAddress(provider, { ...PENDING, isSilent }, asked)).searchParams;
  expect(Object.fromEntries(query)).toEqual({
    tenant: "1",
    response_type: "code",
    client_id: "dkron",
    redirect_uri: "https://cron.example.com/ui/",
    scope: "openid email",
    state: "s",
    nonce: "n",
    code_challenge: "c",
    code_challenge_method: "S256",
    ...(prompt && { prompt }),
  });
});

describe("an answer", () => {
  const silent = { ...PENDING, isSilent: true };
  test.each<{ name: string; query: string; pending?: Pending; is: string | RegExp }>([
    { name: "with a code", query: "state=s&code=c", pending: PENDING, is: "c" },
    { name: "that says who answers", query: `state=s&code=c&iss=${ISSUER}`, pending: PENDING, is: "c" },
    { name: "of another issuer", query: "state=s&code=c&iss=https://evil", pending: PENDING, is: /Another issuer/ },
    { name: "of another state", query: "state=x&code=c", pending: PENDING, is: /not begun in this tab/ },
    { name: "to nothing", query: "state=s&code=c", is: /not begun in this tab/ },
    { name: "to nothing, with an error", query: "state=s&error=x&error_description=evil", is: /not begun in this tab/ },
    { name: "that refuses", query: "state=s&error=access_denied", pending: PENDING, is: /on: access_denied$/ },
    { name: "that says why", query: "state=s&error=x&error_description=Why", pending: PENDING, is: /on: Why$/ },
    { name: "that would ask", query: "state=s&error=login_required", pending: silent, is: "" },
    { name: "that would ask whom it may", query: "state=s&error=login_required", pending: PENDING, is: /login_req/ },
  ])("$name", ({ query, pending, is }) => {
    const said = outcome(() => codeOf(new URLSearchParams(query), pending, ISSUER));
    expect(said).toEqual(typeof is === "string" ? is : expect.stringMatching(is));
  });

  test.each([
    { query: "state=failing", is: false },
    { query: "code=c", is: false },
    { query: "state=s&code=c", is: true },
    { query: "state=s&error=e", is: true },
  ])("is $query: $is", ({ query, is }) => expect(isAnswer(new URLSearchParams(query))).toBe(is));
});

describe("an ID token", () => {
  const token = (claims: object) => `e30.${btoa(JSON.stringify(claims)).replaceAll("=", "")}.c2ln`;
  test.each([
    { name: "for this sign-on", answer: { id_token: token({ nonce: "n" }) }, is: token({ nonce: "n" }) },
    { name: "for another", answer: { id_token: token({ nonce: "x" }) }, is: /another sign-on/ },
    { name: "without a nonce", answer: { id_token: token({}) }, is: /another sign-on/ },
    { name: "that is none", answer: { access_token: "a" }, is: /without an ID token/ },
  ])("$name", ({ answer, is }) => {
    const said = outcome(() => idTokenOf(answer, "n", ISSUER));
    expect(said).toEqual(typeof is === "string" ? is : expect.stringMatching(is));
  });
});
