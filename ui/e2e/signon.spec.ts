// Sign-on by an issuer, tests/support/sign_on.py, which asks for PKCE and gives each code once.
import { expect, expectAccessible, type Page, test } from "./page";

const ISSUER = process.env.DKRON_UI_ISSUER ?? "";
test.skip(!ISSUER, "needs an issuer");

/** The requests of the page, and the messages of its console, until now. */
function watched(page: Page): { asked: string[]; said: string[] } {
  const found: { asked: string[]; said: string[] } = { asked: [], said: [] };
  page.on("request", (request) => found.asked.push(`${request.method()} ${request.url()}`));
  page.on("console", (message) => message.type() === "error" && found.said.push(message.text()));
  return found;
}

const signOn = (page: Page) => page.getByRole("button", { name: /^Sign in with 127/ });
const heading = (page: Page) => page.getByRole("heading", { name: "report", exact: true });

test.beforeEach(async ({ page }) => {
  await page.goto("/ui/jobs/report");
  await expect(signOn(page)).toBeVisible();
});

async function signedOn(page: Page): Promise<void> {
  await signOn(page).click();
  await page.getByRole("link", { name: "Continue as ann" }).click();
  await expect(heading(page)).toBeVisible();
}

test("a reader returns to the view and stays signed in after a reload", async ({ page }) => {
  const { asked, said } = watched(page);
  await page.reload();
  await expect(signOn(page)).toBeVisible();
  await expectAccessible(page);
  expect([asked.filter((each) => /\/v1\/|127.0.0.1:\d+\/[^u]/.test(each)), said]).toEqual([[], []]);
  await signedOn(page);
  await expect(page).toHaveURL(/\/ui\/jobs\/report$/);
  const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie]));
  expect(kept).not.toMatch(/eyJ|verifier|code/);
  expect(asked.filter((each) => each.endsWith("/token"))).toEqual([`POST ${ISSUER}/token`]);
  await page.reload();
  await expect(heading(page)).toBeVisible();
  await expect(page.getByRole("button", { name: "Run now" })).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(signOn(page)).toBeVisible();
  await page.reload();
  await expect(signOn(page)).toBeVisible();
});

test("without a session at the provider, the page asks", async ({ page, context }) => {
  await signedOn(page);
  await context.clearCookies();
  await page.reload();
  await expect(signOn(page)).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(page).toHaveURL(/\/ui\/jobs\/report$/);
  await signedOn(page);
});

test.describe("no reader is signed on", () => {
  test("by an answer that this tab has not asked for", async ({ page }) => {
    const { asked } = watched(page);
    await page.goto("/ui/?code=stolen&state=guessed");
    await expect(page.getByRole("alert")).toContainText("not begun in this tab");
    await expect(page).toHaveURL(/\/ui\/$/);
    expect(asked.filter((each) => each.includes(ISSUER))).toEqual([]);
  });

  test("by the state of another sign-on", async ({ page }) => {
    await signOn(page).click();
    const to = page.getByRole("link", { name: "Continue as ann" });
    await expect(to).toBeVisible();
    const { asked } = watched(page);
    await page.goto("/ui/?code=stolen&state=guessed");
    await expect(page.getByRole("alert")).toContainText("not begun in this tab");
    expect(asked.filter((each) => each.includes(ISSUER))).toEqual([]);
  });

  test("whom the provider refuses, and it says why", async ({ page }) => {
    await signOn(page).click();
    await page.getByRole("link", { name: "Refuse" }).click();
    await expect(page.getByRole("alert")).toHaveText(`${ISSUER} does not sign you on: no <U+202E>such user`);
    await expectAccessible(page);
  });

  test("by a code whose verifier is another's", async ({ page }) => {
    await page.route(`${ISSUER}/token`, (route) => {
      const postData = (route.request().postData() ?? "").replace(/code_verifier=./, "code_verifier=-");
      return route.continue({ postData });
    });
    await signOn(page).click();
    await page.getByRole("link", { name: "Continue as ann" }).click();
    await expect(page.getByRole("alert")).toHaveText(`${ISSUER} refuses: invalid_grant`);
  });
});

test("a token that ends in the middle of an edit is replaced in another tab", async ({ page, context }) => {
  await signedOn(page);
  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Title").fill("Typed before");
  let ended = true;
  await page.route("**/v1/jobs/report", (route) =>
    ended && route.request().method() === "PUT" ? route.fulfill({ status: 401, body: "expired" }) : route.fallback(),
  );
  await page.getByRole("button", { name: "Save" }).click();
  const again = page.getByRole("dialog");
  await expect(again).toContainText("What you have typed is kept");
  const opened = context.waitForEvent("page");
  await again.getByRole("link", { name: /in another tab/ }).click();
  await expect((await opened).getByText("Needs a person")).toBeVisible();
  await expect(again).toHaveCount(0);
  ended = false;
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Typed before")).toBeVisible();
});

test("a token that ends while no form is open is replaced without a question", async ({ page }) => {
  await signedOn(page);
  // As if a minute had passed: a token that is new and refused is not replaced again and again.
  await page.evaluate(() => Object.defineProperty(performance, "now", { value: () => 1e9 }));
  await page.route("**/v1/jobs/report/toggle", (route) => route.fulfill({ status: 401, body: "expired" }));
  const silent = page.waitForRequest((request) => request.url().includes("prompt=none"));
  await page.getByLabel("More actions").click();
  await page.getByRole("button", { name: "Disable" }).click();
  await silent;
  await expect(heading(page)).toBeVisible();
  await expect(page).toHaveURL(/\/ui\/jobs\/report$/);
});
