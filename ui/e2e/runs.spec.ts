// What ran then: the list of all executions, and the charts that lead there.
import { type Archived, withArchive } from "./archive";
import { expect, expectAccessible, picture, test } from "./page";

test.use({ timezoneId: "Europe/Madrid" });

const MINUTE = 60_000;
const YESTERDAY = new Date(Math.floor(Date.now() / 86_400_000 - 1) * 86_400_000);
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
