// A person's tasks: signing in, finding, changing, reading a log; and what the page does by itself.
import { api, expect, expectAccessible, picture, test } from "./page";

const RUN = process.env.DKRON_UI_RUN ?? "";

test("a change by another client is on the screen without a reload", async ({ page }) => {
  await page.goto("/ui/jobs?q=toggled");
  const button = page.getByRole("button", { name: "Disable toggled" });
  await expect(button).toBeVisible();
  await expect(page.getByText("live", { exact: true })).toBeVisible();
  await api(page, "POST", "/v1/jobs/toggled/toggle");
  await expect(page.getByRole("button", { name: "Enable toggled" })).toBeVisible({ timeout: 1000 });
  await page.getByRole("button", { name: "Enable toggled" }).click();
  await expect(page.getByText("toggled is enabled.")).toBeVisible();
  await expect(button).toBeVisible();
});

test("the connection is lost, said so, and found again with what happened meanwhile", async ({ page, context }) => {
  await page.goto("/ui/jobs?q=toggled");
  await expect(page.getByText("live", { exact: true })).toBeVisible();
  await context.setOffline(true);
  await page.evaluate(() => dispatchEvent(new Event("offline")));
  await expect(page.getByText("The connection to the server is lost.")).toBeVisible({ timeout: 20_000 });
  await api(page, "POST", "/v1/jobs/toggled/toggle");
  await expect(page.getByRole("button", { name: "Disable toggled" })).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByRole("button", { name: "Enable toggled" })).toBeVisible({ timeout: 20_000 });
  await expect(page.getByText("live", { exact: true })).toBeVisible();
  await expect(page.getByText("The connection to the server is lost.")).toHaveCount(0);
  await api(page, "POST", "/v1/jobs/toggled/toggle");
  await expect(page.getByRole("button", { name: "Disable toggled" })).toBeVisible();
});

test("a token is asked for, and what it does not allow is not there", async ({ page }) => {
  await page.route("**/v1/whoami*", (route) => {
    const sent = route.request().headers().authorization;
    if (sent !== "Bearer good") return route.fulfill({ status: 401, body: "the token is not valid, or has expired" });
    const rights = ["list dkronjobs", "get dkronjobs", "watch dkronjobs"];
    return route.fulfill({ json: { name: "reader", how: "dkron", namespace: "default", rights } });
  });
  await page.goto("/ui/jobs/nightly-backup");
  await expectAccessible(page);
  await page.getByLabel("Token").fill("bad");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("not valid");
  await page.getByLabel("Token").fill("good");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "nightly-backup" })).toBeVisible();
  await expect(page.getByText("Coming slots")).toBeVisible();
  await expect(page.getByRole("button", { name: "Run now" })).toHaveCount(0);
  await expect(page.getByLabel("More actions")).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Edit" })).toHaveCount(0);
  expect(await page.evaluate(() => [sessionStorage.length, localStorage.getItem("dkron-token")])).toEqual([1, null]);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Token")).toBeVisible();
});

test("a job is found with only the keyboard", async ({ page }) => {
  await page.goto("/ui/");
  await expect(page.getByText("Needs a person")).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("nightly");
  await expect(page.getByRole("option", { name: /nightly-backup/ })).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/ui\/jobs\/nightly-backup$/);
  await expect(page.locator("#main")).toBeFocused();
});

test("the first link skips to the content of the view", async ({ page }) => {
  await page.goto("/ui/jobs/nightly-backup");
  await expect(page.getByRole("heading", { name: "nightly-backup" })).toBeVisible();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.locator("#main")).toBeFocused();
  await expect(page).toHaveURL(/\/ui\/jobs\/nightly-backup$/);
});

test("a namespace that is not served has a way out", async ({ page }) => {
  await page.goto("/ui/ns/not-served/jobs");
  await expect(page.getByRole("heading", { name: /does not serve the namespace not-served/ })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("listitem").getByRole("link").first().click();
  await expect(page.getByText("Needs a person")).toBeVisible();
});

test("a list is sorted and filtered by its address", async ({ page }) => {
  await page.goto("/ui/jobs");
  await page.getByRole("button", { name: "Name" }).click();
  await expect(page).toHaveURL(/order=DESC/);
  await page.getByLabel("Search in names, titles, owners").fill("NIGHT");
  await expect(page).toHaveURL(/q=NIGHT/);
  await expect(page.getByRole("row")).toHaveCount(2);
  await page.goto("/ui/jobs?state=failing");
  await expect(page.getByRole("link", { name: "report" })).toBeVisible();
  await expect(page.getByRole("link", { name: "toggled" })).toHaveCount(0);
});

test("a log keeps its colours, is searched, and is never markup", async ({ page }) => {
  const lines = ["\x1b[31mred\x1b[0m", "<img src=x onerror=alert(1)>", "needle one", "needle two"];
  await page.route("**/log*", (route) => route.fulfill({ contentType: "text/plain", body: `${lines.join("\n")}\n` }));
  await page.goto(`/ui/jobs/nightly-backup/executions/${RUN}`);
  const log = page.getByRole("region", { name: "Lines of the log" });
  await expect(log).toContainText("<img src=x onerror=alert(1)>");
  expect(await log.locator("img").count()).toBe(0);
  await expect(log.locator(".c1")).toHaveText("red");
  await page.getByLabel("Search in the log").fill("NEEDLE");
  await expect(page.getByText("1 of 2 lines")).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(log.locator(".named")).toContainText("needle two");
  await expectAccessible(page);
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  expect((await saved).suggestedFilename()).toMatch(/^nightly-backup-.*\.log$/);
});

test("a line has an address and a time, and one of JSON is read", async ({ page }) => {
  const line = (at: number) => `2026-03-01T10:00:00.${String(at).padStart(3, "0")}Z line ${at}`;
  const json = '2026-03-01T10:00:01Z {"level":"error","msg":"no space left","job":"x"}';
  const lines = [...Array.from({ length: 400 }, (_, index) => line(index + 1)), json];
  await page.route("**/log?*", (route) => {
    expect(route.request().url()).toContain("timestamps=true");
    return route.fulfill({ contentType: "text/plain", body: `${lines.join("\n")}\n` });
  });
  await page.goto(`/ui/jobs/nightly-backup/executions/${RUN}#L200`);
  const log = page.getByRole("region", { name: "Lines of the log" });
  await expect(page.getByText("line 200", { exact: true })).toBeInViewport();
  await expect(log.locator(".named")).toHaveText("line 200");
  await page.getByRole("checkbox", { name: "Times", exact: true }).check();
  await expect(log.locator(".named")).toHaveText(/\d\d:00:00\.200line 200$/);
  await page.getByRole("link", { name: "Line 201", exact: true }).click();
  await expect(page).toHaveURL(/#L201$/);
  await expect(log.locator(".named")).toContainText("line 201");
  await page.getByLabel("Search in the log").fill("NO SPACE");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#L401$/);
  await expect(log.locator(".named")).toContainText("ERROR no space left job=x");
  await expectAccessible(page);
  await picture(page, "log");
  await page.getByLabel("JSON as text").uncheck();
  await expect(log.locator(".named")).toContainText('{"level":"error","msg":"no space left","job":"x"}');
  await page.goto(`/ui/jobs/nightly-backup/executions/${RUN}#L402`);
  await page.reload();
  await expect(page.getByText("Line 402, which the address names, is not among")).toBeVisible();
});

test("a log that is not there yet is waited for", async ({ page }) => {
  let asked = 0;
  await page.route("**/log*", (route) =>
    ++asked === 1
      ? route.fulfill({ status: 409, body: "the execution has not started: no node has room" })
      : route.fulfill({ contentType: "text/plain", body: "it has begun\n" }),
  );
  await page.goto("/ui/busy");
  await page.getByRole("link", { name: "Log of sync" }).click();
  await expect(page.getByText("no node has room")).toBeVisible();
  await expect(page.getByRole("region", { name: "Lines of the log" })).toContainText("it has begun");
  await expect(page.getByText("no node has room")).toHaveCount(0);
  await page.getByRole("button", { name: "Stop sync" }).click();
  await expectAccessible(page);
  await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
  await expect(page.getByText("stopping", { exact: true })).toBeVisible();
  await page.route(/\/executions\/[^/]+\?details/, async (route) => {
    const answer = await route.fetch();
    const found = await answer.json();
    found.details.stopping.until = new Date(Date.now() + 30_000).toISOString();
    return route.fulfill({ json: found });
  });
  await expect(page.getByText(/stopping, \d+ s of grace left/)).toBeVisible();
  await picture(page, "stopping");
  await expect(page.getByRole("button", { name: "Stop sync" })).toHaveCount(0);
});

test("a run that is repeated is shown at once, beside those before it", async ({ page }) => {
  const [newest] = await (await page.request.get("/v1/jobs/poll-11/executions")).json();
  await page.goto(`/ui/jobs/poll-11/executions/${newest.id}`);
  await page.getByRole("button", { name: "Run again" }).click();
  await expect(page).not.toHaveURL(new RegExp(newest.id));
  await expect(page.getByText("running", { exact: true })).toBeVisible();
  await page.getByLabel("Full width").check();
  await page.getByRole("link", { name: "Run before" }).click();
  await expect(page).toHaveURL(new RegExp(newest.id));
});

test("the log of a failed run opens at its error, with addresses as links", async ({ page }) => {
  const runs = await (await page.request.get("/v1/jobs/report/executions")).json();
  const body = `see https://docs.example/why?a=1.\n${"line\n".repeat(2000)}tool: error: no disk\n${"line\n".repeat(500)}`;
  await page.route("**/log*", (route) => route.fulfill({ contentType: "text/plain", body }));
  await page.goto(`/ui/jobs/report/executions/${runs[0].id}`);
  const error = page.getByText("tool: error: no disk", { exact: true });
  await expect(error).toBeInViewport();
  await page.getByRole("region", { name: "Lines of the log" }).evaluate((box) => box.scrollTo(0, 0));
  await expect(error).not.toBeInViewport();
  await page.getByRole("button", { name: "Error in line 2002" }).click();
  await expect(error).toBeInViewport();
  const link = page.getByRole("link", { name: "https://docs.example/why?a=1" });
  await expect(link).toHaveAttribute("href", "https://docs.example/why?a=1");
  await expect(link).toHaveAttribute("rel", "noreferrer noopener");
});

test("a long log is read from its end to its beginning, with as many elements as before", async ({ page }) => {
  const runs = await (await page.request.get("/v1/jobs/report/executions")).json();
  const body = Array.from({ length: 12_000 }, (_, index) => `line ${index + 1}\n`).join("");
  await page.route("**/log*", (route) => route.fulfill({ contentType: "text/plain", body }));
  await page.goto(`/ui/jobs/report/executions/${runs[0].id}`);
  const log = page.getByRole("region", { name: "Lines of the log" });
  const line = (number: number) => log.getByText(`line ${number}`, { exact: true });
  await expect(line(12_000)).toBeInViewport();
  await expect(log.locator(".line")).toHaveCount(5000);
  // The lines on the screen stay in their place while earlier ones come.
  const place = (number: number) => line(number).evaluate((element) => Math.round(element.getBoundingClientRect().top));
  await log.evaluate((box) => box.scrollTo(0, 550));
  const before = await place(7040);
  await expect(line(6500)).toBeAttached();
  expect(await place(7040)).toBe(before);
  await expect(async () => {
    await log.evaluate((box) => box.scrollTo(0, 0));
    await expect(line(1)).toBeInViewport({ timeout: 200 });
  }).toPass();
  await expect(log.locator(".line")).toHaveCount(5000);
  await log.press("End");
  await expect(line(12_000)).toBeInViewport();
  await log.press("Home");
  await expect(line(1)).toBeInViewport();
  await page.getByLabel("Search in the log").fill("line 11999");
  await page.keyboard.press("Enter");
  await expect(log.locator(".named")).toHaveText("line 11999");
  await expect(log.locator(".named")).toBeInViewport();
});

test("without the right to follow events, the page is read again from time to time", async ({ page }) => {
  await page.route("**/v1/whoami*", (route) =>
    route.fulfill({
      json: { name: "a", how: "dkron", namespace: "default", rights: ["list dkronjobs", "get dkronjobs"] },
    }),
  );
  await page.route("**/v1/events*", (route) => route.abort());
  await page.goto("/ui/jobs");
  await expect(page.getByText("every 10 s")).toBeVisible();
  await expect(page.getByText("The connection to the server is lost.")).toHaveCount(0);
});

test("the theme and the zone are chosen, and kept", async ({ page }) => {
  await page.goto("/ui/jobs/nightly-backup");
  await page.getByRole("button", { name: /Theme/ }).click();
  await page.getByRole("button", { name: /Theme/ }).click();
  await page.getByLabel("Time zone of all times").selectOption("utc");
  await page.reload();
  expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe("dark");
  await expect(page.getByLabel("Time zone of all times")).toHaveValue("utc");
});
