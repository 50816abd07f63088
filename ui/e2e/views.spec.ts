// Each view: its content, axe in light and dark, and no horizontal bar on a phone.
import { expect, expectAccessible, test } from "./page";

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
  { name: "busy", path: "/ui/busy", shows: "waits for a node" },
  { name: "chains", path: "/ui/chains", shows: "send-report" },
  { name: "cluster", path: "/ui/cluster", shows: "Members" },
  { name: "backfills", path: "/ui/backfills", shows: "report-again" },
  { name: "backfill", path: "/ui/backfills/report-again", shows: "the attempt failed" },
  { name: "a backfill that was refused", path: "/ui/backfills/refused", shows: "Nothing ran." },
  { name: "new backfill", path: "/ui/backfills/new?job=report", shows: "What would run" },
  { name: "pauses", path: "/ui/pauses", shows: "holds 2 jobs" },
  { name: "new pause", path: "/ui/pauses/new?job=report", shows: "What a pause does" },
  { name: "a paused job", path: "/ui/jobs/poll-00", shows: "the database moves" },
  { name: "new", path: "/ui/new", shows: "Next ten runs" },
  { name: "edit", path: "/ui/jobs/nightly-backup/edit", shows: "Edit nightly-backup" },
  { name: "nowhere", path: "/ui/no/such/page/at/all", shows: "There is no page at this address." },
];

for (const { name, path, shows } of VIEWS) {
  test(name, async ({ page }) => {
    const picture = (kind: string, fullPage = false) =>
      FOLDER ? page.screenshot({ path: `${FOLDER}/${name} ${kind}.png`, fullPage }) : undefined;
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await page.goto(path);
    await expect(page.getByText(shows).first()).toBeVisible();
    await expect(page.locator(".loading")).toHaveCount(0);
    await expect(page.getByText("live", { exact: true })).toBeVisible();
    await expectAccessible(page);
    await picture("light");
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    await expectAccessible(page);
    await picture("dark");
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    await picture("phone", true);
    await page.setViewportSize({ width: 3840, height: 2160 });
    await expect(page.getByText(shows).first()).toBeVisible();
    await picture("wall");
  });
}
