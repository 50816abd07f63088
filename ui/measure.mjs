// The cost of a page for its reader, for bench/ui.py: one request as JSON in the first argument, answers as lines of JSON.
import { chromium } from "@playwright/test";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  // Requests to other hosts fail at once, whatever network the machine has.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
/** Milliseconds without a long task after which the page counts as usable. */
const QUIET = 500;
const PATIENCE = { timeout: 60_000 };

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

/** Runs in the page from its first moment: when its first row is drawn, and when it answers a click from then on. */
function stopwatch({ rows, quiet }) {
  const found = { first: 0, usable: 0, bytes: 0 };
  globalThis.stopwatch = found;
  let busyUntil = 0;
  const busy = (list) => {
    for (const task of list.getEntries()) busyUntil = Math.max(busyUntil, task.startTime + task.duration);
  };
  new PerformanceObserver(busy).observe({ type: "longtask", buffered: true });
  const look = (at) => {
    if (!found.first && document.querySelector(rows)) found.first = at;
    const idleSince = Math.max(found.first, busyUntil);
    if (!found.first || performance.now() - idleSince < quiet) return requestAnimationFrame(look);
    const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    for (const each of loaded) if (each.responseEnd <= idleSince) found.bytes += each.transferSize;
    found.usable = idleSince;
  };
  requestAnimationFrame(look);
}

/** Open the address as a browser does that has never seen it. */
async function open({ url, rows }, prepare = () => undefined) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(stopwatch, { rows, quiet: QUIET });
  await prepare(page);
  await page.goto(url, { waitUntil: "commit" });
  await page.waitForFunction(() => globalThis.stopwatch?.usable > 0, undefined, PATIENCE);
  return page;
}

/** `times` first views of `url`. */
async function views({ times, ...of }) {
  for (let each = 0; each < times; each += 1) {
    const page = await open(of);
    say(await page.evaluate(() => globalThis.stopwatch));
    await page.context().close();
  }
}

/** The CPU and memory of the page, at the beginning and after each of `minutes`, and whether its rows changed. */
async function steady({ minutes, ...of }) {
  const page = await open(of);
  const text = () =>
    page.evaluate((rows) => [...document.querySelectorAll(rows)].map((row) => row.textContent).join("\n"), of.rows);
  const before = await text();
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  await session.send("Profiler.enable");
  await session.send("Profiler.start");
  for (let minute = 0; minute <= minutes; minute += 1) {
    if (minute) await new Promise((done) => setTimeout(done, 60_000));
    const at = Date.now();
    // Read before the collection, whose time is not the page's.
    const { metrics } = await session.send("Performance.getMetrics");
    const task = metrics.find(({ name }) => name === "TaskDuration").value;
    // A profile of an hour would be gigabytes, so the first minute stands for all.
    const script = minute === 1 ? scriptOf((await session.send("Profiler.stop")).profile) : undefined;
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    say({ at, task, script, heap: usedSize, changed: (await text()) !== before });
  }
}

const NO_SCRIPT = new Set(["(root)", "(idle)", "(program)"]);

/** Seconds that a profile shows in script and in its collection of garbage. */
function scriptOf({ nodes, samples, timeDeltas }) {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName]));
  const micros = timeDeltas.reduce((sum, delta, at) => (NO_SCRIPT.has(names.get(samples[at])) ? sum : sum + delta), 0);
  return micros / 1e6;
}

/** Each moment at which more of `done` are on the page, until standard input ends. */
async function follow({ done, ...of }) {
  const page = await open(of, async (page) => {
    await page.exposeFunction("sayMore", (at) => say({ at }));
    await page.addInitScript((done) => {
      let shown = 0;
      new MutationObserver(() => {
        const count = document.querySelectorAll(done).length;
        if (count > shown) globalThis.sayMore(Date.now());
        shown = count;
      }).observe(document, { childList: true, subtree: true, attributes: true });
    }, done);
  });
  say({ ready: true });
  await new Promise((end) => process.stdin.on("end", end).resume());
  await page.context().close();
}

const wanted = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
try {
  await { views, steady, follow }[wanted.kind](wanted);
} finally {
  await browser.close();
}
