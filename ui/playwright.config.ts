// Run by tests/cluster/test_ui.py, which starts an API and names it in DKRON_UI_URL. The browser is Debian's.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "e2e",
  fullyParallel: false,
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  // What passes on its second try is shown as flaky.
  retries: Number(process.env.RERUNS ?? 0),
  reporter: "line",
  use: {
    baseURL: process.env.DKRON_UI_URL,
    viewport: { width: 1280, height: 900 },
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    },
  },
});
