// What holds in each view: it reads everything once, and no text of a user turns the order of others around.
import { expect, type Page, test } from "./page";

const RUN = process.env.DKRON_UI_RUN ?? "";
test.skip(!RUN, "needs the jobs of the tests");

/** Fields whose text users choose, and those whose values or names they do. */
const TEXTS = /^(displayname|owner|owner_email|reason|paused_by|message|problem|output|description|why|help|trouble)$/;
const MAPS = /^(metadata|tags|executor_config|parameters|values|env)$/;
const TURNED = "safe \u202egnissorp toor sa nur\u2069";
const CODED = "<U+202E>gnissorp toor sa nur<U+2069>";

/** The same answer with a text in each of these fields that reads "safe run as root processing" where it is not guarded. */
function turned(value: unknown, isText = false): unknown {
  if (typeof value === "string") return isText ? TURNED : value;
  if (Array.isArray(value)) return value.map((each) => turned(each, isText));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [
    key,
    turned(each, TEXTS.test(key) || isOfMap(key, each)),
  ]);
  return Object.fromEntries(entries);
}

function isOfMap(key: string, value: unknown): boolean {
  return MAPS.test(key) && typeof value === "object" && !Array.isArray(value);
}

/** Turn the texts of all answers, and count the reads. */
async function turnedAndCounted(page: Page): Promise<Map<string, number>> {
  const reads = new Map<string, number>();
  await page.route(/\/v1\/(?!events)/, async (route) => {
    const url = new URL(route.request().url());
    const read = `${route.request().method()} ${url.pathname}${url.search}`;
    reads.set(read, (reads.get(read) ?? 0) + 1);
    const response = await route.fetch();
    if (!response.headers()["content-type"]?.startsWith("application/json")) return route.fulfill({ response });
    return route.fulfill({ response, json: turned(await response.json()) });
  });
  return reads;
}

/** The texts, tooltips and title of the page in which something is turned around. The content of fields is sent back. */
function outOfOrder(): string[] {
  const found = [document.title];
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node instanceof Element) {
      for (const { name, value } of node.attributes) if (name !== "value") found.push(`${name}=${value}`);
    } else found.push(node.nodeValue ?? "");
  }
  return found.filter((text) => /[\u202a-\u202e\u2066-\u2069]/.test(text));
}

const VIEWS = [
  { name: "overview", path: "/ui/", shows: "report" },
  { name: "jobs", path: "/ui/jobs", shows: "nightly-backup" },
  { name: "job", path: "/ui/jobs/nightly-backup", shows: "Coming slots" },
  { name: "a job with parameters", path: "/ui/jobs/orders", shows: "Why, or why not" },
  { name: "a paused job", path: "/ui/jobs/poll-00", shows: "Coming slots" },
  { name: "execution", path: `/ui/jobs/nightly-backup/executions/${RUN}`, shows: "This is the end of the output" },
  { name: "busy", path: "/ui/busy", shows: "Runs for" },
  { name: "chains", path: "/ui/chains", shows: "As a list" },
  { name: "backfills", path: "/ui/backfills", shows: "report-again" },
  { name: "backfill", path: "/ui/backfills/report-again", shows: "report" },
  { name: "pauses", path: "/ui/pauses", shows: "holds 2 jobs" },
  { name: "cluster", path: "/ui/cluster", shows: "Members" },
  { name: "edit", path: "/ui/jobs/nightly-backup/edit", shows: "Edit nightly-backup" },
];
const WITHOUT_TEXTS = ["overview", "busy", "chains", "cluster", "edit"];

for (const { name, path, shows } of VIEWS) {
  test(`${name}: read once, and in order`, async ({ page }) => {
    const reads = await turnedAndCounted(page);
    await page.goto(path);
    await expect(page.getByText(shows).first()).toBeVisible();
    await expect(page.locator(".loading")).toHaveCount(0);
    await expect(page.getByText("live", { exact: true })).toBeVisible();
    if (!WITHOUT_TEXTS.includes(name)) await expect(page.locator("body")).toContainText(CODED);
    expect(await page.evaluate(outOfOrder)).toEqual([]);
    expect([...reads].filter(([, times]) => times > 1)).toEqual([]);
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });
}

test("the palette shows titles in order, and a form has what was stored", async ({ page }) => {
  await turnedAndCounted(page);
  await page.goto("/ui/jobs/nightly-backup/edit");
  await expect(page.getByLabel("Title")).toHaveValue(TURNED);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("nightly");
  await expect(page.getByRole("option", { name: /nightly-backup/ })).toContainText(CODED);
  expect(await page.evaluate(outOfOrder)).toEqual([]);
  await page.unrouteAll({ behavior: "ignoreErrors" });
});
