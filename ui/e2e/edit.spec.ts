// Changing a job: the fields of its executor, YAML, what a save changes, and what other users do meanwhile.
import { api, expect, expectAccessible, picture, test } from "./page";

const SHARED = { name: "shared", schedule: "@daily", executor_config: { command: "true" } };

test("a job is created, edited, explained and deleted", async ({ page }) => {
  await page.goto("/ui/new");
  await page.getByLabel("Name lower-case").fill("made-here");
  await page.getByLabel("Schedule").fill("*/5 * * * *");
  await expect(page.getByText(/has five fields, but six are needed/)).toBeVisible();
  await page.getByRole("button", { name: "Use 0 */5 * * * *" }).click();
  await expect(page.getByLabel("Schedule")).toHaveValue("0 */5 * * * *");
  await page.getByRole("button", { name: "weekdays at 7:30" }).click();
  await page.getByLabel("Time zone such as").fill("Asia/Kathmandu");
  await expect(page.locator(".slots li")).toHaveCount(10);
  await expect(page.locator(".slots li").first()).toContainText(/07:30:00 Kathmandu · .*for you/);
  await page.getByLabel("Runs after").fill("night");
  await expect(page.locator("datalist option[value=nightly-backup]")).toHaveCount(1);
  await page.getByLabel("Runs after").fill("");
  await expect(page.getByLabel("image")).toBeVisible();
  await expect(page.getByRole("button", { name: "Create" })).toBeInViewport();
  await page.getByLabel("command").fill("date");
  await page.getByLabel("image").fill("Not/An:Image:Name");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByText(/the job is not valid: image: .* is not the name of an image/)).toBeVisible();
  await page.getByLabel("image").fill("");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByRole("heading", { name: "made-here", exact: true })).toBeVisible();
  await expect(page.getByText("No slot within the last day.")).toBeVisible();
  await page.getByRole("link", { name: "Edit" }).click();
  await expect(page.getByRole("button", { name: "Save" })).toBeDisabled();
  await page.getByLabel("Title").fill("Made in a browser");
  await page.getByText("JSON", { exact: true }).click();
  const json = page.getByLabel("The job as JSON");
  await json.fill((await json.inputValue()).replace('"Made in', '"Made with'));
  await expect(page.getByLabel("Changes")).toContainText("becomes Made with a browser");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Made with a browser")).toBeVisible();
  await page.getByLabel("More actions").click();
  await page.getByRole("button", { name: "Delete" }).click();
  await expectAccessible(page);
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("made-here is deleted.")).toBeVisible();
});

test("each executor has its settings, and a manifest fills them in", async ({ page }) => {
  await page.goto("/ui/new");
  await page.getByLabel("Executor", { exact: true }).selectOption("http");
  await expect(page.getByLabel("url required")).toHaveAccessibleDescription(/The URL/);
  await page.getByText(/more settings/).click();
  await expect(page.getByLabel("Call without a pod inline")).toBeVisible();
  await page.getByLabel("inline").check();
  await page.getByLabel("expectCode").pressSequentially("200-299");
  await page.getByLabel("Schedule").focus();
  await expect(page.locator(".about")).toContainText("When the job runs.");
  await picture(page, "executor light");
  await expectAccessible(page);
  await page.getByText("YAML", { exact: true }).click();
  const yaml = page.getByLabel("The job as YAML");
  await expect(yaml).toHaveValue(/executor: http\n/);
  await expect(yaml).toHaveValue(/inline: ['"]true['"]/);
  await yaml.fill("schedule: [");
  await expect(page.getByRole("alert")).toContainText("This is not YAML");
  await expect(page.getByRole("button", { name: "Create" })).toBeDisabled();
  await yaml.fill(
    'kind: DkronJob\nmetadata: {name: pinged}\nspec:\n  schedule: "@hourly"\n  executor: http\n' +
      "  executorConfig: {method: GET, url: https://example.org/<b>}\n",
  );
  await expectAccessible(page);
  await page.getByText("Form", { exact: true }).click();
  await expect(page.getByLabel("url required")).toHaveValue("https://example.org/<b>");
  await expect(page.getByLabel("Name lower-case")).toHaveValue("pinged");
});

test("what a colleague changes is shown beside one's own, and both are saved", async ({ page }) => {
  await api(page, "PUT", "/v1/jobs/shared", SHARED);
  await page.goto("/ui/jobs/shared/edit");
  await page.getByLabel("Title").fill("Mine");
  await page.getByLabel("Retries").fill("3");
  await expect(page.getByLabel("Changes", { exact: true })).toContainText("Title");
  // Playwright answers that it stays.
  await page.getByRole("link", { name: "Busy" }).click();
  await expect(page.getByLabel("Title")).toHaveValue("Mine");
  await api(page, "PUT", "/v1/jobs/shared", { ...SHARED, displayname: "<i>Theirs</i>", owner: "them" });
  const conflict = page.getByLabel("Changes by another user");
  await expect(conflict).toContainText("Another user has changed this job");
  await expect(conflict).toContainText("<i>Theirs</i>");
  await expect(page.getByRole("button", { name: "Save" })).toBeDisabled();
  await expectAccessible(page);
  await picture(page, "conflict light");
  await page.emulateMedia({ colorScheme: "dark" });
  await expectAccessible(page);
  await picture(page, "conflict dark");
  await conflict.getByLabel("yours").check();
  await conflict.getByRole("button", { name: "Take over" }).click();
  await expect(page.getByLabel("Owner", { exact: true })).toHaveValue("them");
  await expect(page.getByLabel("Changes", { exact: true })).toContainText("was <i>Theirs</i>");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "shared", exact: true })).toBeVisible();
  const saved = await (await page.request.get("/v1/jobs/shared")).json();
  expect([saved.displayname, saved.owner, saved.retries]).toEqual(["Mine", "them", 3]);
});

test("a change that no event has told of is not overwritten either", async ({ page }) => {
  await api(page, "PUT", "/v1/jobs/shared", SHARED);
  await page.route("**/v1/events*", (route) => route.abort());
  await page.goto("/ui/jobs/shared/edit");
  await page.getByLabel("Title").fill("Mine");
  await api(page, "PUT", "/v1/jobs/shared", { ...SHARED, displayname: "Theirs" });
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByLabel("Changes by another user")).toContainText("Theirs");
  expect((await (await page.request.get("/v1/jobs/shared")).json()).displayname).toBe("Theirs");
});

test("the API goes away while a job is edited, and nothing that was typed is lost", async ({ page, context }) => {
  await api(page, "PUT", "/v1/jobs/shared", SHARED);
  await page.goto("/ui/jobs/shared/edit");
  await page.getByLabel("Title").fill("Typed before");
  await context.setOffline(true);
  await page.evaluate(() => dispatchEvent(new Event("offline")));
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "Save again when it is back" })).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByText("live", { exact: true })).toBeVisible({ timeout: 20_000 });
  await expect(page.getByLabel("Title")).toHaveValue("Typed before");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Typed before")).toBeVisible();
});

test("a token that ends in the middle of an edit takes nothing away that was typed", async ({ page }) => {
  await api(page, "PUT", "/v1/jobs/shared", SHARED);
  await page.goto("/ui/jobs/shared/edit");
  await page.getByLabel("Title").fill("Typed before");
  let ended = true;
  await page.route("**/v1/jobs/shared", (route) =>
    ended && route.request().method() === "PUT" ? route.fulfill({ status: 401, body: "expired" }) : route.fallback(),
  );
  await page.getByRole("button", { name: "Save" }).press("Enter");
  const again = page.getByRole("dialog");
  await expect(again).toContainText("What you have typed is kept");
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  ended = false;
  await again.getByLabel("Token").fill("another");
  await page.keyboard.press("Enter");
  await expect(again).toHaveCount(0);
  await expect(page.getByLabel("Title")).toHaveValue("Typed before");
  await expect(page.getByRole("button", { name: "Save" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByText("Typed before")).toBeVisible();
});

test("a job that a colleague deletes can be created again", async ({ page }) => {
  await api(page, "POST", "/v1/jobs", { ...SHARED, name: "short-lived" });
  await page.goto("/ui/jobs/short-lived/edit");
  await page.getByLabel("Title").fill("Still here");
  await api(page, "DELETE", "/v1/jobs/short-lived");
  await expect(page.getByRole("alert")).toContainText("Another user has deleted this job.");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "short-lived", exact: true })).toBeVisible();
  await api(page, "DELETE", "/v1/jobs/short-lived");
});
