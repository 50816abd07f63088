// Which views the pictures show, and how each is brought about.

const DESK = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };

const NONE = { json: [], headers: { "X-Total-Count": "0" } };
const UNKNOWN = { status: 401, contentType: "text/plain", body: "the token is not valid, or has expired" };
const AWAY = { status: 503, contentType: "text/plain", body: "the API server does not answer; try again" };

const LOG = `2026-11-27T01:30:01.120000000Z {"level":"info","msg":"open repository","id":"8c1f2a4e"}
2026-11-27T01:30:01.480000000Z \x1b[32mrepository\x1b[0m is open, see https://backup.example/8c1f2a4e
2026-11-27T01:30:09.003000000Z {"level":"error","msg":"connection reset","host":"db-2","attempt":1,"bytes":18446744073709551615}
2026-11-27T01:30:09.250000000Z {"level":"warn","msg":"upload again","after":"250 ms","cause":{"code":104,"retry":true}}
2026-11-27T01:31:12.900000000Z {"level":"debug","msg":"trace","stack":"upload (backup.js:12)\\n  run (backup.js:40)"}
2026-11-27T01:31:13.000000000Z snapshot 8c1f2a4e saved
`;

const REVISIONS = [
  { generation: 4, at: "2026-11-26T16:20:11Z", by: "dkron-api", changed: ["executor_config", "metadata", "retries"] },
  { generation: 3, at: "2026-10-05T08:00:02Z", by: "argocd-controller", changed: ["schedule", "timezone"] },
  { generation: 1, at: "2026-05-11T10:24:36Z", by: "kubectl-client-side-apply", changed: [] },
].map((each) => ({ ...each, hash: `h${each.generation}` }));
const DIFFERENCES = [
  {
    field: "executor_config.command",
    before: "pg_dump --format=custom shop | restic backup --stdin --retry-lock 5m",
    after: "pg_dump --format=custom shop | restic backup --stdin",
  },
  { field: "metadata.note", before: "every 3 hours", after: null },
  { field: "retries", before: 0, after: 2 },
];

/** `path` is below /ui, `shows` a text that is there at the end, `drawn` an element; `answers` replace the answers of
 * the API, by their paths; `act` does something on the page; `bare` is a page without its frame, `over` has a dialog
 * over it; `loads` is a page whose data never come. */
export const VIEWS = {
  overview: { path: "/", shows: "Needs a person" },
  jobs: { path: "/jobs", shows: "nightly-backup" },
  job: { path: "/jobs/nightly-backup", shows: "The one slot of the last day ran.", drawn: ".plot canvas" },
  revisions: {
    path: "/jobs/nightly-backup",
    shows: "the first that is known",
    drawn: ".plot canvas",
    answers: {
      "/v1/jobs/nightly-backup/revisions": { json: REVISIONS },
      "/v1/jobs/nightly-backup/revisions/4": { json: { ...REVISIONS[0], job: {}, spec: {}, differences: DIFFERENCES } },
    },
    act: async (page) => {
      await page.getByText("Changes of this job").click();
      await page.getByText("by dkron-api").click();
      await page.getByText("every 3 hours").waitFor();
    },
  },
  invalid: { path: "/jobs/stock-alerts", shows: "Does not run." },
  paused: { path: "/jobs/mail-digest", shows: "the mail server moves", drawn: ".plot canvas" },
  execution: { path: "/jobs/nightly-backup/executions/RUN", shows: "snapshot 8c1f2a4e saved" },
  log: {
    path: "/jobs/nightly-backup/executions/RUN#L3",
    shows: "connection reset",
    answers: { "/v1/jobs/nightly-backup/executions/*/log?*": { contentType: "text/plain", body: LOG } },
    act: (page) => page.getByRole("checkbox", { name: "Times", exact: true }).check(),
  },
  runs: { path: "/runs", shows: "render-catalogue" },
  "runs-at": { path: "/runs?at=2026-11-27T10:00:00Z", shows: "render-catalogue" },
  busy: { path: "/busy", shows: "render-catalogue" },
  chains: { path: "/chains", shows: "2 chains" },
  cluster: { path: "/cluster", shows: "38 s old", answers: { "/v1": aged } },
  token: { path: "/cluster", shows: "Token ends", answers: { "/v1": aged, "/v1/whoami": signedIn } },
  access: {
    path: "/cluster",
    shows: "/v1/busy",
    act: (page) => page.locator(".policies summary").first().click(),
  },
  policy: {
    over: true,
    path: "/cluster",
    shows: "New policy",
    drawn: "dialog",
    act: (page) => page.getByRole("button", { name: "New policy" }).click(),
  },
  backfills: { path: "/backfills", shows: "backups-of-last-week" },
  backfill: { path: "/backfills/invoices-of-tuesday", shows: "the attempt failed" },
  "backfill-refused": { path: "/backfills/stock-of-october", shows: "Nothing ran." },
  "new-backfill": {
    path: "/backfills/new?job=nightly-backup",
    shows: "Run 7 slots",
    answers: {
      "/v1/backfills": async (route, url) => ({ status: 201, json: await planned(route, url) }),
      "/v1/backfills/planned": async (route, url) => ({ json: await planned(route, url) }),
    },
    act: (page) => page.getByRole("button", { name: "Count the slots" }).click(),
  },
  pauses: { path: "/pauses", shows: "the mail server moves" },
  "new-pause": { path: "/pauses/new?job=mail-digest", shows: "Effects of a pause" },
  edit: { path: "/jobs/nightly-backup/edit", shows: "Next ten runs" },
  new: { path: "/new", shows: "Next ten runs" },
  changes: {
    path: "/jobs/nightly-backup/edit",
    shows: "02:45:00",
    act: (page) => changed(page),
  },
  conflict: {
    path: "/jobs/nightly-backup/edit",
    shows: "Both of you changed",
    answers: () => ({ "/v1/jobs/nightly-backup": theirs() }),
    act: async (page) => {
      await changed(page);
      await page.getByRole("button", { name: "Save" }).click();
    },
  },
  deleted: {
    path: "/jobs/month-end/edit",
    shows: "Another user has deleted",
    act: async (page) => {
      await page.getByText("It runs after ledger-import").waitFor();
      await page.route("**/v1/jobs/month-end", (route) =>
        route.fulfill({ status: route.request().method() === "PUT" ? 412 : 404, body: "there is no such job" }),
      );
      await page.getByLabel("Title").fill("End of the month");
      await page.getByRole("button", { name: "Save" }).click();
    },
  },
  yaml: {
    path: "/jobs/nightly-backup/edit",
    shows: "The manifest of a DkronJob",
    act: (page) => page.getByText("YAML", { exact: true }).click(),
  },
  run: {
    over: true,
    path: "/jobs/search-reindex",
    shows: "Slot that it stands for",
    act: (page) => page.getByRole("button", { name: "Run now…" }).click(),
  },
  views: {
    path: "/jobs?q=team%3Ddata",
    shows: "Jobs of the data team",
    act: async (page) => {
      await page.getByLabel("Views", { exact: true }).click();
      await page.getByLabel("Name of this view").fill("Jobs of the data team");
      await page.keyboard.press("Enter");
      await page.getByLabel("Views", { exact: true }).click();
    },
  },
  selected: { path: "/jobs", shows: "3 jobs selected", act: (page) => select(page) },
  bulk: {
    over: true,
    path: "/jobs",
    shows: "Disable 3 jobs?",
    act: async (page) => {
      await select(page);
      await page.getByRole("button", { name: "Disable…" }).click();
    },
  },
  palette: {
    over: true,
    path: "/busy",
    shows: "verify-",
    act: async (page) => {
      await page.getByRole("button", { name: "Find" }).click();
      await page.getByRole("dialog").getByRole("combobox").fill("ba");
    },
  },
  "none-jobs": { path: "/jobs", shows: "jobs", answers: { "/v1/jobs?*": NONE } },
  "none-runs": { path: "/runs?q=none", shows: "No execution matches.", answers: { "/v1/executions?*": NONE } },
  "none-backfills": { path: "/backfills", shows: "No slots", answers: { "/v1/backfills?*": NONE } },
  "none-pauses": { path: "/pauses", shows: "Nothing is paused.", answers: { "/v1/pauses?*": NONE } },
  "none-chains": { path: "/chains", shows: "No job runs after", answers: { "/v1/jobs?*": NONE } },
  "none-busy": { path: "/busy", shows: "Nothing runs", answers: { "/v1/busy": NONE } },
  failing: { path: "/backfills", shows: "Try again", answers: { "/v1/backfills?*": AWAY } },
  loading: { path: "/backfills", shows: "Backfills", answers: { "/v1/backfills?*": () => undefined }, loads: true },
  absent: { path: "/jobs/none", shows: "There is no job" },
  "sign-in": {
    path: "/",
    shows: "Token",
    bare: true,
    answers: { "/v1/whoami": UNKNOWN },
  },
  "sign-in-again": {
    over: true,
    path: "/jobs/nightly-backup/edit",
    shows: "What you have typed is kept",
    answers: {
      "/v1/jobs/nightly-backup": (route) => (route.request().method() === "PUT" ? UNKNOWN : route.continue()),
    },
    act: async (page) => {
      await changed(page);
      await page.getByRole("button", { name: "Save" }).click();
    },
  },
  "no-rights": {
    path: "/",
    shows: "gives no right",
    bare: true,
    answers: {
      "/v1/whoami*": { json: { name: "alice", how: "dkron", namespace: "team-a", rights: [], namespaces: [] } },
    },
  },
  unserved: { path: "/ns/team-z/", shows: "These are served", bare: true },
};

/** The pictures of the documentation, and how much of the page each has. */
export const DOCUMENTED = [
  { name: "ui", view: "overview", size: DESK, whole: true },
  { name: "ui-jobs", view: "jobs", size: { width: 1280, height: 820 } },
  { name: "ui-job-dark", view: "job", size: { width: 1280, height: 860 }, scheme: "dark" },
];

export const EACH = Object.keys(VIEWS).flatMap((view) => [
  { name: `${view}-light`, view, size: DESK, whole: !VIEWS[view].over },
  { name: `${view}-dark`, view, size: DESK, whole: !VIEWS[view].over, scheme: "dark" },
  { name: `${view}-phone`, view, size: PHONE, whole: !VIEWS[view].over },
]);

/** The state of the API as of a moment that is the same each time. */
async function aged(route) {
  const status = await (await route.fetch()).json();
  return { json: { ...status, serf: { ...status.serf, cache_age: "38" } } };
}

/** The reader as one who has shown a token. */
async function signedIn(route) {
  return { json: { ...(await (await route.fetch()).json()), name: "alice", how: "dkron" } };
}

async function changed(page) {
  await page.getByLabel("Title").fill("Backup of the shop, each night");
  await page.getByLabel("Schedule").fill("0 45 2 * * *");
  await page.getByLabel("Retries").fill("3");
}

/** The job as a colleague saves it while the reader edits it, whose save is refused for that. */
function theirs() {
  let refused = 0;
  return async (route, url) => {
    if (route.request().method() === "PUT") {
      refused = 1;
      return { status: 412, contentType: "text/plain", body: "another version" };
    }
    const job = await (await route.fetch({ url: `${url}/v1/jobs/nightly-backup` })).json();
    if (refused) Object.assign(job, { displayname: "Backup at night", owner: "Platform team" });
    return { json: job, headers: { etag: `"${refused}"` } };
  };
}

/** A backfill that the operator has planned, as one that has ended. */
async function planned(route, url) {
  const answer = await route.fetch({ url: `${url}/v1/backfills/backups-of-last-week`, method: "GET" });
  return { ...(await answer.json()), name: "planned", state: "planned" };
}

async function select(page) {
  for (const name of ["cache-warmup", "invoice-export", "ldap-sync"]) {
    await page.getByLabel(`Select ${name}`).check();
  }
}
