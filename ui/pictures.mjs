// Pictures of the page at one moment, for hack/uipictures: what is wanted is JSON in the first argument.
import { chromium } from "@playwright/test";

const { url, now, run, folder, each } = JSON.parse(process.argv[2]);

const VIEWS = {
  overview: { path: "/", shows: "Needs a person" },
  jobs: { path: "/jobs", shows: "nightly-backup" },
  job: { path: "/jobs/nightly-backup", shows: "The one slot of the last day ran.", drawn: ".plot canvas" },
  invalid: { path: "/jobs/stock-alerts", shows: "Does not run." },
  execution: { path: `/jobs/nightly-backup/executions/${run}`, shows: "snapshot 8c1f2a4e saved" },
  busy: { path: "/busy", shows: "render-catalogue" },
  chains: { path: "/chains", shows: "ledger-import" },
  cluster: { path: "/cluster", shows: "Members" },
  edit: { path: "/jobs/nightly-backup/edit", shows: "Next ten runs" },
};
/** Milliseconds without another strip, after which none is to come. */
const STILL = 1000;
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };
/** The pictures of the documentation, and how much of the page each has. */
const DOCUMENTED = [
  { name: "ui", view: "overview", size: DESK, whole: true },
  { name: "ui-jobs", view: "jobs", size: { width: 1280, height: 820 } },
  { name: "ui-job-dark", view: "job", size: { width: 1280, height: 860 }, scheme: "dark" },
];
const EACH = Object.keys(VIEWS).flatMap((view) => [
  { name: `${view}-light`, view, size: DESK, whole: true },
  { name: `${view}-dark`, view, size: DESK, whole: true, scheme: "dark" },
  { name: `${view}-phone`, view, size: PHONE, whole: true },
  { name: `${view}-wide`, view, size: { width: 1400, height: 900 } },
]);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-color-profile=srgb"],
});
try {
  for (const picture of each ? EACH : DOCUMENTED) await take(picture);
} finally {
  await browser.close();
}

async function take({ name, view, size, whole = false, scheme = "light" }) {
  const { path, shows, drawn = "body" } = VIEWS[view];
  const context = await browser.newContext({
    viewport: size,
    colorScheme: scheme,
    reducedMotion: "reduce",
    timezoneId: "Europe/Madrid",
    locale: "en-GB",
  });
  const page = await context.newPage();
  await page.clock.setFixedTime(now);
  await page.goto(`${url}/ui${path}`);
  await page.getByText(shows).first().waitFor();
  await page.locator(drawn).first().waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  await page.waitForFunction(() => !document.querySelector(".loading"));
  await stripsOf(page);
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: whole });
  await context.close();
}

/** Wait for the strips of a list: they come one job after the other, once a row has been on the screen for a moment. */
async function stripsOf(page) {
  const strips = page.locator(".strip");
  for (let before = -1, seen = 0; seen !== before; ) {
    before = seen;
    await page.waitForTimeout(STILL);
    seen = await strips.count();
  }
}
