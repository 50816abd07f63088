// Pictures of the page at one moment, for hack/uipictures: what is wanted is JSON in the first argument.
import { chromium } from "@playwright/test";
import { DOCUMENTED, EACH, VIEWS } from "./pictured.mjs";

const { url, now, run, folder, each, only } = JSON.parse(process.argv[2]);

/** Milliseconds without another picture of runs, after which none is to come. */
const STILL = 1000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-color-profile=srgb"],
});
try {
  const wanted = (each ? EACH : DOCUMENTED).filter(({ name }) => name.startsWith(only ?? ""));
  for (const picture of wanted) await take(picture);
} finally {
  await browser.close();
}

async function take({ name, view, size, whole = false, scheme = "light" }) {
  const { path, shows, drawn = "body", answers, act, loads = false, bare = false } = VIEWS[view];
  const context = await browser.newContext({
    viewport: size,
    colorScheme: scheme,
    reducedMotion: "reduce",
    timezoneId: "Europe/Madrid",
    locale: "en-GB",
  });
  const page = await context.newPage();
  await page.clock.setFixedTime(now);
  for (const [of, answer] of Object.entries((typeof answers === "function" ? answers() : answers) ?? {})) {
    await page.route(`${url}${of}`, async (route) => {
      const given = typeof answer === "function" ? await answer(route, url) : answer;
      if (given) await route.fulfill({ contentType: "application/json", ...given });
    });
  }
  await page.goto(`${url}/ui${path.replace("RUN", run)}`);
  if (!bare) await page.getByText("live", { exact: true }).waitFor();
  if (act) await act(page);
  await page.getByText(shows).filter({ visible: true }).first().waitFor();
  await page.locator(drawn).first().waitFor();
  if (!loads) await page.waitForFunction(() => !document.querySelector(".loading"));
  if (path === "/jobs" && !loads) await barsOf(page);
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: whole });
  await context.close();
}

/** Wait for the bars of a list: they come one job after the other, once a row has been on the screen for a moment. */
async function barsOf(page) {
  const bars = page.locator(".run-bars");
  for (let before = -1, seen = 0; seen !== before; ) {
    before = seen;
    await page.waitForTimeout(STILL);
    seen = await bars.count();
  }
}
