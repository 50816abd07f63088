// Backfills, pauses and policies: what a person does with them, and what they are not offered.
import { expect, expectAccessible, type Page, test } from "./page";

/** Answer as an operator would that has planned what the page asks for. */
async function planned(page: Page, plan: object): Promise<void> {
  await page.route(/\/v1\/backfills\/report-[^/]+$/, async (route) => {
    const answer = await route.fetch();
    if (route.request().method() !== "GET" || !answer.ok()) return route.fulfill({ response: answer });
    const found = await answer.json();
    const now = new Date().toISOString();
    const ended = found.dry_run ? { state: "planned", status: { ...found.status, plan, finished_at: now } } : {};
    return route.fulfill({ json: { ...found, ...ended } });
  });
}

test("a backfill is counted first, created once, suspended, resumed and cancelled", async ({ page }) => {
  await planned(page, { count: 40, jobs: 1, first: "2026-03-01T10:00:00Z", last: "2026-03-01T16:30:00Z" });
  await page.goto("/ui/jobs/report");
  await page.getByLabel("More actions").click();
  await page.getByRole("link", { name: "Backfill", exact: true }).click();
  await expect(page.getByRole("button", { name: /^Run/ })).toHaveCount(0);
  // Its newest run has failed: that day is suggested, from its begin.
  await expect(page.getByLabel("From")).toHaveValue(/T00:00$/);
  await page.getByRole("button", { name: "yesterday" }).click();
  await expect(page.getByLabel("To", { exact: false }).last()).toHaveValue(/T00:00$/);
  await page.getByLabel("Time zone of all times").selectOption("utc");
  await page.getByLabel("From").fill("2026-03-01T10:00");
  await page.getByLabel("To", { exact: false }).last().fill("2026-03-01T17:00");
  await page.getByLabel("Runs at the same time").fill("2");
  await page.keyboard.press("Enter");
  const run = page.getByRole("button", { name: "Run 40 slots" });
  await expect(run).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel("Runs at the same time").fill("3");
  await expect(run).toHaveCount(0);
  await page.getByRole("button", { name: "Count the slots" }).click();
  await run.click();
  await expect(page).toHaveURL(/\/ui\/backfills\/report-[0-9a-f]{8}$/);
  await page.getByRole("button", { name: "Suspend" }).click();
  await expect(page.getByText("suspended", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText("planning", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Cancel the backfill" }).click();
  await expect(page).toHaveURL(/\/ui\/backfills$/);
  await expect(page.getByRole("link", { name: "report-again" })).toBeVisible();
  expect(await page.getByRole("row").count()).toBe(3);
});

test("a form that cannot be meant says so in a sentence", async ({ page }) => {
  await page.goto("/ui/backfills/new");
  await page.getByLabel("Which jobs", { exact: true }).selectOption("jobs with labels");
  await page.getByLabel("Labels").fill("team");
  await page.getByRole("button", { name: "Count the slots" }).click();
  await expect(page.getByText("Write labels as team=data, tier=1.")).toBeVisible();
});

test("a job is paused and resumed", async ({ page }) => {
  await page.goto("/ui/jobs/toggled");
  await page.getByLabel("More actions").click();
  await page.getByRole("link", { name: "Pause", exact: true }).click();
  await page.getByRole("button", { name: "for 1 hour" }).click();
  await page.getByLabel("Reason").fill("<b>moves</b>");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "toggled" })).toBeVisible();
  await expect(page.getByText(/\(until .*:00\)/)).toBeVisible();
  await expect(page.getByText("<b>moves</b>")).toBeVisible();
  await expectAccessible(page);
  // In the list the dialog stands in a cell, whose text is on one line and to the right.
  await page.goto("/ui/pauses");
  await page.getByRole("button", { name: "Resume toggled" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("What came due meanwhile counts as missed")).toBeVisible();
  expect(await dialog.evaluate((one) => [one.scrollWidth > one.clientWidth, getComputedStyle(one).textAlign])).toEqual([
    false,
    "start",
  ]);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.goto("/ui/jobs/toggled");
  await page.getByRole("button", { name: "Resume" }).click();
  await dialog.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText("<b>moves</b>")).toHaveCount(0);
});

test("of several jobs one is resumed", async ({ page }) => {
  await page.goto("/ui/jobs/poll-01");
  await page.getByRole("button", { name: "Resume this job" }).click();
  await expect(page.getByText("the database moves")).toHaveCount(0);
  await page.goto("/ui/pauses");
  await expect(page.getByRole("link", { name: "poll-00" })).toBeVisible();
  await expect(page.getByText("poll-01")).toHaveCount(0);
});

test("every view says that the whole namespace is paused", async ({ page }) => {
  const pause = {
    ...{ name: "all", namespace: "default", created_at: "2026-03-01T10:00:00Z", jobs: [], selector: {} },
    ...{ all_namespaces: true, when_resumed: "drop", until: null, reason: "moves", paused_by: "ann", state: "unseen" },
    status: { jobs: 12, message: "" },
  };
  await page.route(/\/v1\/pauses\?/, (route) => route.fulfill({ json: [pause] }));
  await page.route("**/v1/summary", async (route) => {
    const found = await (await route.fetch()).json();
    return route.fulfill({ json: { ...found, next_hour: { slots: [], more: false, minutes: [] } } });
  });
  await page.goto("/ui/");
  await expect(page.getByText("Nothing is due within an hour: all jobs are paused by ann: moves.")).toBeVisible();
  await page.goto("/ui/busy");
  await expect(page.getByText("All jobs of all namespaces are about to pause")).toBeVisible();
  pause.state = "holds";
  await expect(page.getByText("All jobs of all namespaces are paused")).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name: "See the pauses" }).click();
  await expect(page.getByRole("heading", { name: "Pauses" })).toBeVisible();
});

test("a policy is created, changed and deleted", async ({ page }) => {
  await page.goto("/ui/cluster");
  await page.getByRole("button", { name: "New policy" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("made-here");
  await page.getByRole("dialog").getByLabel("Rules").fill('{"path": {"v1": {}}}');
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toContainText("a path begins with '/'");
  await page.getByRole("dialog").getByLabel("Rules").fill('{"path": {"/v1/**": {"capabilities": ["read"]}}}');
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("made-here", { exact: true }).click();
  await expect(page.getByRole("rowheader", { name: "/v1/**" })).toBeVisible();
  await page.getByRole("button", { name: "Edit the policy made-here" }).click();
  await page.getByRole("dialog").getByLabel("Rules").fill('{"path": {"/v1/jobs": {"capabilities": ["list"]}}}');
  await expectAccessible(page);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("rowheader", { name: "/v1/**" })).toHaveCount(0);
  await page.getByRole("button", { name: "Delete the policy made-here" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("made-here", { exact: true })).toHaveCount(0);
});

test("what the rights do not allow is not there", async ({ page }) => {
  const rights = ["list dkronjobs", "get dkronjobs", "watch dkronjobs", "list dkronbackfills", "list dkronpauses"];
  await page.route("**/v1/whoami*", (route) =>
    route.fulfill({ json: { name: "reader", how: "dkron", namespace: "default", rights } }),
  );
  await page.goto("/ui/backfills/report-again");
  await expect(page.getByText("the attempt failed")).toBeVisible();
  await expect(page.getByRole("button", { name: /^(Suspend|Cancel)/ })).toHaveCount(0);
  await page.getByRole("link", { name: "Pauses" }).click();
  await expect(page.getByRole("cell", { name: "the database moves" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Pause jobs" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: /^Resume/ })).toHaveCount(0);
  await page.goto("/ui/backfills/new");
  await expect(page.getByText("Your rights do not allow a backfill here.")).toBeVisible();
  await page.goto("/ui/new");
  await expect(page.getByText("Your rights do not allow a new job here.")).toBeVisible();
  await page.goto("/ui/jobs/poll-00/edit");
  await expect(page.getByText("Your rights do not allow a change of poll-00.")).toBeVisible();
  await page.goto("/ui/jobs/poll-00");
  await expect(page.getByText("the database moves")).toBeVisible();
  await expect(page.getByLabel("More actions")).toHaveCount(0);
  await page.goto("/ui/cluster");
  await expect(page.getByText("Members").first()).toBeVisible();
  await expect(page.getByRole("heading", { name: "Access" })).toHaveCount(0);
  rights.pop();
  await page.goto("/ui/pauses");
  await expect(page.getByText("Your rights do not allow you to see pauses here.")).toBeVisible();
  await expect(page.getByRole("link", { name: "Pauses" })).toHaveCount(0);
});
