// Jobs in numbers: many at once, ten thousand in a list, chains by keyboard, and runs with values.
import type { Page } from "@playwright/test";
import { api, expect, expectAccessible, picture, test } from "./page";

async function choose(page: Page, names: readonly string[]): Promise<void> {
  for (const name of names) await page.getByLabel(`Select ${name}`).check();
}

test("many jobs are disabled after a preview, and the way back is one click", async ({ page }) => {
  await page.goto("/ui/jobs?q=poll-");
  await choose(page, ["poll-00", "poll-01"]);
  await page.getByRole("button", { name: "Enable…" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("is enabled already")).toHaveCount(2);
  await expect(dialog.getByRole("button", { name: "Enable 0 jobs" })).toBeDisabled();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Disable…" }).click();
  await expect(dialog.getByText("does not run any more")).toHaveCount(2);
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Disable 2 jobs" }).click();
  await expect(page.getByLabel("Selected jobs").getByText("2 jobs disabled.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Enable poll-00" })).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByLabel("Selected jobs").getByText("2 jobs switched back.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Disable poll-00" })).toBeVisible();
});

test("of many jobs, what is refused is told with its reason, and the others are done", async ({ page }) => {
  const reason = '"argocd-controller" manages disabled of the job "poll-02"; change it there, or add ?force=true';
  await page.route("**/v1/jobs/poll-02/toggle*", (route) => route.fulfill({ status: 409, body: reason }));
  await page.goto("/ui/jobs?q=poll-");
  await choose(page, ["poll-02", "poll-03"]);
  await page.getByRole("button", { name: "Disable…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Disable 2 jobs" }).click();
  await expect(dialog.getByRole("alert")).toHaveText("One was refused:");
  await expect(dialog.getByText(reason)).toBeVisible();
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(page.getByLabel("Selected jobs").getByText("1 job disabled, 1 not.")).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByLabel("Selected jobs").getByText("1 job switched back.")).toBeVisible();
});

test("all that match are selected at once; a reader selects none", async ({ page }) => {
  await page.goto("/ui/jobs?q=poll-");
  await page.getByLabel("Select all 12 jobs of the list").check();
  await expect(page.getByText("12 jobs selected")).toBeVisible();
  await page.getByRole("button", { name: "Clear the selection" }).click();
  await expect(page.getByText("12 jobs selected")).toHaveCount(0);
  await page.route("**/v1/whoami*", (route) =>
    route.fulfill({ json: { name: "a", how: "dkron", namespace: "default", rights: ["list dkronjobs"] } }),
  );
  await page.reload();
  await expect(page.getByRole("link", { name: "poll-00" })).toBeVisible();
  await expect(page.getByRole("checkbox")).toHaveCount(0);
});

test("jobs are found by label and command, and kept as a view", async ({ page }) => {
  await page.goto("/ui/jobs");
  const search = page.getByRole("searchbox");
  const names = page.getByRole("table", { name: "Jobs" }).getByRole("rowheader");
  await search.fill("PG_DUMP");
  await expect(names).toHaveText([/^nightly-backup/]);
  await search.fill("team=data");
  await expect(page).toHaveURL(/q=team%3Ddata$/);
  await expect(names).toHaveText([/^nightly-backup/]);
  const [views, columns] = [page.getByLabel("Views", { exact: true }), page.getByLabel("Columns", { exact: true })];
  await views.click();
  await page.getByLabel("Name of this view").fill("Team of data");
  await expectAccessible(page);
  await picture(page, "views");
  await page.keyboard.press("Enter");
  await columns.click();
  await page.getByLabel("Metadata").check();
  await page.getByRole("checkbox", { name: "Latest runs" }).uncheck();
  await picture(page, "columns");
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await page.goto("/ui/jobs?q=poll-");
  await expect(page.getByRole("columnheader", { name: "Metadata" })).toBeVisible();
  await expect(page.getByRole("columnheader", { name: "Latest runs" })).toHaveCount(0);
  // How long the newest run took is read as well without the column of the runs.
  await expect(page.getByRole("row", { name: /poll-00/ }).getByText(/^\d+ s$/)).toBeVisible();
  await views.click();
  await page.getByRole("link", { name: "Team of data" }).click();
  await expect(names).toHaveText([/^nightly-backup/]);
  await expect(page.getByRole("cell", { name: "team=data, tier=1" })).toBeVisible();
  await expect(search).toHaveValue("team=data");
  await views.click();
  await page.getByRole("button", { name: "Forget the view Team of data" }).click();
  await views.click();
  await expect(page.getByRole("link", { name: "Team of data" })).toHaveCount(0);
});

test("ten thousand jobs scroll with few elements and a matching address", async ({ page }) => {
  const total = 10_000;
  await page.route(/\/v1\/jobs\?/, (route) => {
    const query = new URL(route.request().url()).searchParams;
    const [start, end] = [Number(query.get("_start")), Math.min(total, Number(query.get("_end")))];
    const json = Array.from({ length: Math.max(0, end - start) }, (_, at) => ({
      name: `job-${String(start + at).padStart(5, "0")}`,
      displayname: "",
      timezone: "",
      schedule: "@daily",
      disabled: false,
      parent_job: "",
      status: "success",
      next: "0001-01-01T00:00:00Z",
    }));
    return route.fulfill({ json, headers: { "X-Total-Count": String(total) } });
  });
  await page.goto("/ui/jobs");
  await expect(page.getByRole("link", { name: "job-00000" })).toBeVisible();
  await expect(page.getByRole("table", { name: "Jobs" })).toHaveAttribute("aria-rowcount", "10001");
  await page.getByRole("region", { name: "List of jobs" }).focus();
  await page.keyboard.press("End");
  await expect(page.getByRole("link", { name: "job-09999" })).toBeVisible();
  await expect(page.getByRole("link", { name: "job-00000" })).toHaveCount(0);
  expect(await page.locator("*").count()).toBeLessThan(2000);
  await expect(page).toHaveURL(/at=99\d\d/);
  await page.reload();
  await expect(page.getByRole("link", { name: "job-09999" })).toBeVisible();
  await expectAccessible(page);
});

test("a run is given values, and a wrong one is told in the form", async ({ page }) => {
  const sent: { body: object; key: string | undefined }[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/orders/run")) {
      sent.push({ body: request.postDataJSON(), key: request.headers()["idempotency-key"] });
    }
  });
  await page.goto("/ui/jobs/orders");
  await page.getByRole("button", { name: "Run now…" }).click();
  const dialog = page.getByRole("dialog");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Run" }).click();
  expect(sent).toEqual([]);
  await dialog.getByLabel("region").selectOption("us");
  await dialog.getByLabel("limit").fill("5000");
  await dialog.getByLabel("Slot that it stands for").fill("2026-01-31T02:30:00Z");
  await dialog.getByLabel("Reason").fill("late data");
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("alert")).toContainText("5000 is greater than its maximum 1000");
  await dialog.getByLabel("limit").fill("500");
  await dialog.getByRole("button", { name: "Run" }).click();
  await expect(page.getByText("orders is asked to run.")).toBeVisible();
  await expect(dialog).toHaveCount(0);
  expect(sent.length).toBe(2);
  expect(sent[1]?.body).toEqual({
    parameters: { region: "us", limit: "500" },
    scheduled_time: "2026-01-31T02:30:00Z",
    reason: "late data",
  });
  expect(sent[1]?.key).not.toBe(sent[0]?.key);
});

test("a run from the list asks for values only where there are any", async ({ page }) => {
  await page.goto("/ui/jobs?q=or");
  await page.getByRole("button", { name: "Run orders" }).click();
  await expect(page.getByRole("dialog").getByLabel("region")).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Run report" }).click();
  await expect(page.getByText("report is asked to run.")).toBeVisible();
});

test("the overview leads to the log of the run that failed, and runs it again", async ({ page }) => {
  const [newest] = await (await page.request.get("/v1/jobs/report/executions")).json();
  await page.route("**/v1/summary", async (route) => {
    const answer = await route.fetch();
    const why = `its newest run failed: asked for at ${newest.started_at}`;
    const trouble = { kind: "failing", why, remedy: "dkronctl logs report --failed", output: "no <b>space</b> left" };
    const jobs = [{ ...trouble, namespace: "default", job: "report", execution: newest.id }];
    return route.fulfill({ json: { ...(await answer.json()), attention: { total: 1, jobs } } });
  });
  await page.goto("/ui/");
  await expect(page.getByText("no <b>space</b> left")).toBeVisible();
  await expect(page.getByText(/Its newest run failed: asked for at [^T]*$/i)).toBeVisible();
  await expectAccessible(page);
  const asked = page.waitForRequest((request) => request.method() === "POST" && request.url().includes("/report/run"));
  await page.getByRole("button", { name: "Run again report" }).click();
  const body = (await asked).postDataJSON();
  // Another test may have run it on request.
  expect(body.scheduled_time ?? body.repeat).toBeTruthy();
  await page.getByRole("link", { name: "Open the log of report" }).click();
  await expect(page).toHaveURL(/\/jobs\/report\/executions\//);
});

test("what goes from the overview leaves its room", async ({ page }) => {
  let jobs: object[] = [{ kind: "stale", why: "without a success", remedy: "", namespace: "default", job: "report" }];
  await page.route("**/v1/summary", async (route) => {
    const found = await (await route.fetch()).json();
    const last_hour = { ...found.last_hour, kept_since: new Date(Date.now() - 1_200_000).toISOString() };
    return route.fulfill({ json: { ...found, last_hour, attention: { total: jobs.length, jobs } } });
  });
  await page.goto("/ui/");
  await expect(page.getByText("Hatched: not all runs of then are kept.")).toBeVisible();
  const chart = page.getByRole("heading", { name: "An hour back, an hour ahead" });
  const before = await chart.boundingBox();
  jobs = [];
  await api(page, "POST", "/v1/jobs/toggled/toggle");
  await expect(page.getByText("without a success")).toHaveCount(0);
  expect((await chart.boundingBox())?.y).toBe(before?.y);
  await api(page, "POST", "/v1/jobs/toggled/toggle");
});

test("a chain is walked through by the keyboard, and is a list, too", async ({ page }) => {
  await page.goto("/ui/jobs/report");
  const chain = page.getByRole("group", { name: /The chain of report/ });
  await page.getByText("Changes of this job").focus();
  await page.keyboard.press("Tab");
  await expect(chain.getByRole("link", { name: "report, failed, then send-report" })).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await expect(chain.getByRole("link", { name: "send-report, disabled, after report succeeds" })).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("listitem").filter({ hasText: "after report succeeds" })).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: /then send-report; took \d/ })).toBeVisible();
  await expect(page.getByText(/^The newest run began .* and (ended .*, in|is still running, after) \d/)).toBeVisible();
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/jobs\/send-report$/);
});

test("a job tells what changed it, where an archive keeps that", async ({ page }) => {
  await page.goto("/ui/jobs/report");
  const changes = page.getByText("Changes of this job");
  await changes.click();
  await expect(page.getByRole("alert")).toContainText(
    "this server keeps no earlier specs of jobs; its option --archive",
  );
  const at = new Date(Date.now() - 3600_000).toISOString();
  const second = { generation: 2, hash: "b", at, by: "dkron-api", changed: ["schedule", "executor_config"] };
  const first = { generation: 1, hash: "a", at: "2026-01-02T03:04:05Z", by: "", changed: [] };
  await page.route("**/v1/jobs/report/revisions", (route) => route.fulfill({ json: [second, first] }));
  const differences = [
    { field: "schedule", before: "@daily", after: "0 0 7 * * mon-fri" },
    { field: "executor_config.command", before: null, after: "make report" },
  ];
  await page.route("**/v1/jobs/report/revisions/2", (route) =>
    route.fulfill({ json: { ...second, job: {}, spec: {}, differences } }),
  );
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByText("the first that is known")).toBeVisible();
  await page.getByText("by dkron-api").click();
  await expect(page.getByText(/^− .*@daily$/)).toBeVisible();
  await expect(page.getByText(/^\+ .*make report$/)).toBeVisible();
  await expectAccessible(page);
  await picture(page, "revisions");
});

test("a job tells its plan, its results by day and its percentiles in words", async ({ page }) => {
  await page.goto("/ui/jobs/nightly-backup");
  await expect(page.getByText("Every 2 minutes")).toBeVisible();
  await expect(page.getByText(/^median .*, 99 % within .* attempts/i)).toBeVisible();
  await expect(page.getByRole("group", { name: /^Planned beside actual: / })).toBeVisible();
  const ended = page.getByRole("table", { name: "Runs that ended on each day, in UTC" });
  await expect(ended.getByRole("link", { name: /2 failed/ })).toBeVisible();
  const today = new Date().toISOString().slice(0, 10);
  const days = ended.getByRole("link");
  await expect(days.and(page.locator(`[href*="from=${today}"]`))).toHaveAttribute("href", /job=nightly-backup/);
  const moment = page.getByLabel("A moment to explain");
  await moment.fill("noon");
  await moment.press("Enter");
  await expect(page.getByRole("alert")).toContainText("This is no time.");
  await expect(page.locator(".explained")).toHaveCount(0);
  const before = page.getByText(/the schedule counts from .* on: of earlier slots/);
  await expect(before).toHaveCount(0);
  // The job was created a moment ago, so what 05:59 was for it is not known. Of a day to come, it is.
  await moment.fill("05:59");
  await moment.press("Enter");
  await expect(before).toBeVisible();
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  await moment.fill(`${tomorrow} 05:59`);
  await moment.press("Enter");
  await expect(page.getByText(/05:59:00.* is no slot of/)).toBeVisible();
});
