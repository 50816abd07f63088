// Each view: its content, axe in light and dark, and no horizontal bar on a phone.
import { expect, expectAccessible, picture, test } from "./page";

const FOLDER = process.env.DKRON_UI_SCREENSHOTS;
const RUN = process.env.DKRON_UI_RUN ?? "";

const VIEWS = [
  { name: "overview", path: "/ui/", shows: "Needs a person" },
  { name: "jobs", path: "/ui/jobs", shows: "nightly-backup" },
  { name: "jobs of a search", path: "/ui/jobs?q=nothing-has-this-name", shows: "No job matches." },
  { name: "job", path: "/ui/jobs/nightly-backup", shows: "Coming slots" },
  { name: "a job that cannot run", path: "/ui/jobs/broken", shows: "Does not run." },
  { name: "no job", path: "/ui/jobs/none", shows: "There is no job none." },
  { name: "execution", path: `/ui/jobs/nightly-backup/executions/${RUN}`, shows: "This is the end of the output" },
  { name: "busy", path: "/ui/busy", shows: "Runs for" },
  { name: "chains", path: "/ui/chains", shows: "As a list" },
  { name: "cluster", path: "/ui/cluster", shows: "Members" },
  { name: "backfills", path: "/ui/backfills", shows: "report-again" },
  { name: "backfill", path: "/ui/backfills/report-again", shows: "the attempt failed" },
  { name: "a backfill that was refused", path: "/ui/backfills/refused", shows: "Nothing ran." },
  { name: "new backfill", path: "/ui/backfills/new?job=report", shows: "What would run" },
  { name: "pauses", path: "/ui/pauses", shows: "holds 2 jobs" },
  { name: "new pause", path: "/ui/pauses/new?job=report", shows: "Effects of a pause" },
  { name: "a paused job", path: "/ui/jobs/poll-00", shows: "the database moves" },
  { name: "new", path: "/ui/new", shows: "Next ten runs" },
  { name: "edit", path: "/ui/jobs/nightly-backup/edit", shows: "Edit nightly-backup" },
  { name: "edit, slots of other days", path: "/ui/jobs/elsewhere/edit", shows: "Edit elsewhere" },
  { name: "nowhere", path: "/ui/no/such/page/at/all", shows: "There is no page at this address." },
];

test("members of a run, why one failed, and its trace", async ({ page }) => {
  const runs = await (await page.request.get("/v1/jobs/spread/executions?details=true")).json();
  const failed = runs.find((each: { success: boolean }) => !each.success);
  const trace_url = "https://jaeger.example/trace/4bf92f3577b34da6a3ce929d0e0e4736";
  await page.route(`**/executions/${failed.id}?*`, (route) =>
    route.fulfill({ json: { ...failed, details: { ...failed.details, trace_url } } }),
  );
  await page.goto(`/ui/jobs/spread/executions/${failed.id}`);
  await expect(page.getByRole("heading", { name: "This run: 3 members" })).toBeVisible();
  await expect(page.getByText("Error, exit code 1").first()).toBeVisible();
  await expect(page.getByRole("link", { name: "Show its trace" })).toHaveAttribute("href", trace_url);
  await expectAccessible(page);
  await picture(page, "members light");
  const asked = page.waitForRequest((request) => request.method() === "POST" && request.url().includes("/run"));
  await page.getByRole("button", { name: "Run again" }).click();
  expect((await asked).postDataJSON().scheduled_time).toBe(failed.details.slot);
  await page.getByRole("link", { name: /node-1, attempt 1/ }).click();
  await expect(page.getByRole("button", { name: "Run again" })).toBeVisible();
});

for (const { name, path, shows } of VIEWS) {
  test(name, async ({ page }) => {
    const shot = (kind: string, fullPage = false) =>
      FOLDER ? page.screenshot({ path: `${FOLDER}/${name} ${kind}.png`, fullPage }) : undefined;
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await page.goto(path);
    await expect(page.getByText(shows).first()).toBeVisible();
    await expect(page.locator(".loading")).toHaveCount(0);
    await expect(page.getByText("live", { exact: true })).toBeVisible();
    await expectAccessible(page);
    await shot("light");
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    await expectAccessible(page);
    await shot("dark");
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await expect(page.getByRole("navigation", { name: "Pages" }).getByRole("link").last()).toBeInViewport();
    await shot("phone", true);
    await page.setViewportSize({ width: 3840, height: 2160 });
    await expect(page.getByText(shows).first()).toBeVisible();
    await shot("wall");
  });
}
