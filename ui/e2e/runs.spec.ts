// What ran then: the list of all executions, and the charts that lead there.
import { type Archived, withArchive } from "./archive";
import { expect, expectAccessible, picture, test } from "./page";

const ZONE = "Europe/Madrid";
test.use({ timezoneId: ZONE });

const MINUTE = 60_000;
/** The day before the reader's, whose new day begins an hour or two before the server's. */
const YESTERDAY = new Date(Date.parse(new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format()) - 86_400_000);
/** A time of yesterday, UTC. */
const at = (hour: number, minute = 0, second = 0) =>
  new Date(YESTERDAY.getTime() + ((hour * 60 + minute) * 60 + second) * 1000);

const NIGHT: Archived[] = [
  { job: "nightly-backup", began: at(2, 30), seconds: 4 * 3600, output: "copied 312 tables\n" },
  { job: "report", began: at(4, 41, 12), seconds: 3, success: false, output: "pg_dump: error: connection refused\n" },
  { job: "poll-00", began: at(4, 40), seconds: 59, output: "nothing new\n" },
  { job: "poll-01", began: at(4, 42), seconds: 4 },
  { job: "sync", began: at(4, 41, 59), seconds: 600, trigger: "manual" },
];
const OFTEN = Array.from({ length: 450 }, (_, index): Archived => {
  return { job: `poll-${index % 12}`, began: new Date(at(6).getTime() + index * MINUTE), seconds: 5 };
});

test("what ran at 05:41 is found, also by a colleague with the address", async ({ page, browser }) => {
  await withArchive(page, [...NIGHT, ...OFTEN]);
  await page.goto("/ui/");
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Runs" }).click();
  await expect(page.getByText("455 executions")).toBeVisible();
  const box = page.getByLabel(/^When it ran/);
  await box.fill("soon");
  await box.press("Enter");
  await expect(page.getByRole("alert")).toContainText("This is no time.");
  // The reader's clock, which is an hour or two ahead of the server's.
  const offset = await page.evaluate((time) => -new Date(time).getTimezoneOffset() / 60, YESTERDAY.getTime());
  const clock = (hour: number, minute: number) => `${String(hour + offset).padStart(2, "0")}:${minute}`;
  await box.fill(`yesterday ${clock(4, 41)}`);
  await box.press("Enter");
  const list = page.getByRole("region", { name: "List of executions" });
  await expect(list.getByRole("rowheader")).toHaveCount(3);
  await expect(list.getByRole("rowheader").getByRole("link")).toHaveText(["nightly-backup", "sync", "report"]);
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(page.getByText("3 executions")).toBeVisible();
  await expectAccessible(page);
  await picture(page, "runs at a minute");
  await page.getByLabel("Result").selectOption("failed");
  await expect(list.getByRole("rowheader")).toHaveCount(1);
  const address = page.url();
  expect(new URL(address).search).toBe(
    `?at=${encodeURIComponent(at(4, 41).toISOString().replace(".000", ""))}&state=failed`,
  );
  const colleague = await browser.newPage({ timezoneId: "Asia/Kolkata" });
  await withArchive(colleague, NIGHT);
  await colleague.goto(address);
  await expect(colleague.getByRole("rowheader").getByRole("link")).toHaveText(["report"]);
  await expect(colleague.getByLabel(/^When it ran/)).toHaveValue(/ 10:11$/);
  await colleague.close();
});

test("a long list comes page by page, and a search says how far it has got", async ({ page }) => {
  await withArchive(page, [...NIGHT, ...OFTEN]);
  await page.goto("/ui/runs?cause=schedule");
  const list = page.getByRole("region", { name: "List of executions" });
  await expect(page.getByText("454 executions")).toBeVisible();
  await expect(async () => {
    await list.evaluate((box) => box.scrollTo(0, box.scrollHeight));
    await expect(list.getByRole("link", { name: "report" })).toBeVisible({ timeout: 500 });
  }).toPass();
  expect(await list.getByRole("rowheader").count()).toBeLessThan(80);
  let isFirst = true;
  await page.route("**/v1/executions?*q=tables*", (route) => {
    if (!isFirst) return route.fallback();
    isFirst = false;
    return route.fulfill({ json: [], headers: { "X-Next-After": "0", "X-Search-Complete": "false" } });
  });
  await page.getByLabel("Search in outputs").fill("tables");
  await page.getByLabel("Search in outputs").press("Enter");
  await expect(page.getByText("Older ones are not searched yet.")).toBeVisible();
  await page.getByRole("button", { name: "Search on" }).click();
  await expect(list.getByRole("rowheader").getByRole("link")).toHaveText(["nightly-backup"]);
  await page.getByLabel("Search in outputs").fill("no such text");
  await page.getByLabel("Search in outputs").press("Enter");
  await expect(page.getByText("No execution matches.")).toBeVisible();
  await page.getByRole("link", { name: "Show all executions" }).click();
  await expect(page.getByText("455 executions")).toBeVisible();
});

test("what ran for an owner is a link of a job of it", async ({ page }) => {
  await page.goto("/ui/jobs/report");
  await page.getByRole("link", { name: "Data team" }).click();
  await expect(page).toHaveURL(/\/runs\?owner=Data\+team$/);
  await expect(page.getByText("20 executions")).toBeVisible();
  const names = page.getByRole("region", { name: "List of executions" }).getByRole("rowheader").getByRole("link");
  await expect(names).toHaveText(Array(20).fill("report"));
  const owner = page.getByLabel("Owner of the jobs");
  await owner.fill("No team");
  await owner.press("Enter");
  await expect(page.getByText("No execution matches.")).toBeVisible();
});

test("a list that cannot be read says why, and goes on", async ({ page }) => {
  await withArchive(page, OFTEN);
  let isAway = true;
  await page.route("**/v1/executions?*", (route) =>
    isAway && new URL(route.request().url()).searchParams.has("after")
      ? route.fulfill({ status: 503, contentType: "text/plain", body: "the archive cannot be read: it is locked" })
      : route.fallback(),
  );
  await page.goto("/ui/runs");
  const list = page.getByRole("region", { name: "List of executions" });
  await list.evaluate((box) => box.scrollTo(0, box.scrollHeight));
  await expect(page.getByRole("alert")).toContainText("the archive cannot be read: it is locked");
  isAway = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("each mark of a chart leads to the list of what it counts", async ({ page }) => {
  const minute = Math.floor(Date.now() / MINUTE - 10) * MINUTE;
  const ago = (minutes: number, second = 0) => new Date(minute - minutes * MINUTE + second * 1000);
  await withArchive(page, [
    { job: "report", began: ago(5, 10), seconds: 3, success: false },
    { job: "poll-00", began: ago(5, 20), seconds: 5 },
    { job: "poll-01", began: ago(20), seconds: 1 },
    ...OFTEN,
  ]);
  await page.goto("/ui/");
  const shown = page.getByRole("region", { name: "List of executions" }).getByRole("rowheader").getByRole("link");
  const hours = page.getByRole("group", { name: /^the last hour with 3 executions/ });
  await hours.getByRole("link", { name: /: 1 failed, 1 succeeded$/ }).click();
  await expect(shown).toHaveText(["poll-00", "report"]);
  await expect(page.getByText("1 slot did not run")).toBeVisible();
  await page.getByText("1 slot did not run").click();
  await expect(page.getByText("a run was active")).toBeVisible();
  await page.goBack();
  // The keyboard goes to the first mark of a chart, and on by the arrows.
  await hours.getByRole("link").first().focus();
  await page.keyboard.press("ArrowRight");
  await expect(hours.getByRole("link", { name: /: 1 failed, 1 succeeded$/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(shown).toHaveText(["poll-00", "report"]);
  await page.goBack();
  const week = page.getByRole("table", { name: /in each hour of a week/ });
  await week
    .getByRole("link", { name: /: 60 succeeded$/ })
    .first()
    .click();
  await expect(page.getByText("60 executions")).toBeVisible();
  await page.goBack();
  await expectAccessible(page);
  await picture(page, "charts light");
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await expectAccessible(page);
  await picture(page, "charts dark");
  const day = page.getByRole("group", { name: /^30 days/ }).getByRole("link");
  await expect(day.last()).toHaveAttribute("href", /\/runs\?from=.*T00%3A00%3A00Z&to=/);
  await page.goto("/ui/jobs");
  const row = page.getByRole("row").filter({ hasText: "nightly-backup" });
  await row
    .getByRole("group", { name: /^the latest runs/ })
    .getByRole("link")
    .first()
    .click();
  await expect(page).toHaveURL(/\/jobs\/nightly-backup\/executions\//);
  await page.goto("/ui/jobs/nightly-backup");
  const planned = page.getByRole("group", { name: /^Planned beside actual/ });
  await planned
    .getByRole("link", { name: /success/ })
    .first()
    .focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/jobs\/nightly-backup\/executions\//);
  await page.goto("/ui/jobs/nightly-backup");
  await page
    .getByRole("table", { name: /Runs that ended on each day/ })
    .getByRole("link")
    .first()
    .click();
  await expect(page.getByRole("link", { name: "Backfill this day" })).toBeVisible();
  await expect(page.getByLabel("Jobs, by their names")).toHaveValue("nightly-backup");
});
