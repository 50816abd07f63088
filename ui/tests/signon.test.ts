// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const ISSUER = "https://login.example.com";
const DESCRIPTION = {
  issuer: ISSUER,
  authorization_endpoint: `${ISSUER}/authorize`,
  token_endpoint: `${ISSUER}/token`,
};

/** An ID token that is valid for five minutes from now. */
function idToken(claims: object): string {
  return `e30.${btoa(JSON.stringify({ exp: Date.now() / 1000 + 300, ...claims })).replaceAll("=", "")}.c2ln`;
}

let given: Record<string, unknown>[];
let sent: URLSearchParams[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetModules();
  [given, sent] = [[], []];
  document.head.innerHTML = `<meta name="sign-in" content="token" data-issuer="${ISSUER}" data-client="dkron">
    <base href="http://localhost:3000/ui/">`;
  vi.stubGlobal("fetch", async (url: string, { body }: { body?: URLSearchParams }) => {
    if (url.endsWith("/.well-known/openid-configuration")) return Response.json(DESCRIPTION);
    sent.push(body ?? new URLSearchParams());
    return Response.json(given.shift());
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  sessionStorage.clear();
  localStorage.clear();
});

/** Load the page as the provider has it loaded, with this answer to the sign-on that is pending. */
async function arriving(query: string) {
  sessionStorage.setItem(
    "dkron-sign-on",
    JSON.stringify({ state: "s", nonce: "n", verifier: "v", path: "/ui/ns/b/jobs?q=a", isSilent: false }),
  );
  history.replaceState(null, "", `/ui/?${query}`);
  const { NAMESPACE } = await import("../src/api/address");
  const { resume } = await import("../src/state/signon");
  const { token, locked } = await import("../src/api/token");
  expect(locked.value).toBe(true);
  await resume();
  return { NAMESPACE, token, locked };
}

test("the reader is where they were, and the token is nowhere but in memory", async () => {
  given.push({ id_token: idToken({ nonce: "n" }) });
  const { NAMESPACE, token, locked } = await arriving("state=s&code=c");
  expect([NAMESPACE, location.pathname + location.search]).toEqual(["b", "/ui/ns/b/jobs?q=a"]);
  expect(Object.fromEntries(sent[0] ?? [])).toEqual({
    client_id: "dkron",
    grant_type: "authorization_code",
    code: "c",
    redirect_uri: "http://localhost:3000/ui/",
    code_verifier: "v",
  });
  expect([token.value.startsWith("e30."), locked.value]).toEqual([true, false]);
  expect([sessionStorage.length, JSON.stringify({ ...localStorage }).includes("e30")]).toEqual([0, false]);
});

test("a pending sign-on is used once, whatever comes back", async () => {
  const { NAMESPACE, token } = await arriving("state=x&code=c");
  expect([NAMESPACE, location.pathname, token.value, sent]).toEqual(["", "/ui/", "", []]);
  expect(sessionStorage.length).toBe(0);
});

test.each([
  { name: "the same reader's", next: { sub: "ann" }, isUsed: true },
  { name: "another's", next: { sub: "bob" }, isUsed: false },
])("a token is replaced before its end by $name", async ({ next, isUsed }) => {
  given.push({ id_token: idToken({ nonce: "n", sub: "ann" }), refresh_token: "r" });
  const { token } = await arriving("state=s&code=c");
  const before = token.value;
  await vi.advanceTimersByTimeAsync(260_000);
  expect(token.value).toBe(before);
  given.push({ id_token: idToken(next) });
  await vi.advanceTimersByTimeAsync(15_000);
  expect(sent[1]?.get("refresh_token")).toBe("r");
  expect(token.value !== before).toBe(isUsed);
});
