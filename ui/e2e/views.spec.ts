// Each view as it is first shown: its content, axe in light and dark, and a phone's width without a horizontal bar.
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
  { name: "cluster", path: "/ui/cluster", shows: "Members" },
  { name: "new", path: "/ui/new", shows: "Next ten runs" },
  { name: "edit", path: "/ui/jobs/nightly-backup/edit", shows: "Edit nightly-backup" },
  { name: "nowhere", path: "/ui/no/such/page/at/all", shows: "There is no page at this address." },
];

for (const { name, path, shows } of VIEWS) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`${name}, ${colorScheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.goto(path);
      await expect(page.getByText(shows).first()).toBeVisible();
      await expect(page.locator(".loading")).toHaveCount(0);
      await expect(page.getByText("live", { exact: true })).toBeVisible();
      await expectAccessible(page);
      if (FOLDER) await page.screenshot({ path: `${FOLDER}/${name} ${colorScheme}.png` });
    });
  }

  test(`${name}, on a phone`, async ({ page }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(path);
    await expect(page.getByText(shows).first()).toBeVisible();
    await expect(page.locator(".loading")).toHaveCount(0);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    if (FOLDER) await page.screenshot({ path: `${FOLDER}/${name} phone.png`, fullPage: true });
  });
}
