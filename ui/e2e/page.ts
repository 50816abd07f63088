// Shared by the tests in a browser: pages that must not break the content security policy, and a check by axe.
import { readFileSync } from "node:fs";
import { test as base, expect, type Page } from "@playwright/test";

const AXE = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf-8");

export const test = base.extend<{ page: Page }>({
  page: async ({ page }, use) => {
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => {
      if (/Content Security Policy|TrustedHTML/.test(message.text())) problems.push(message.text());
    });
    await use(page);
    expect(problems).toEqual([]);
  },
});

/** Expect that axe finds nothing wrong with what is shown. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations } = await (
      globalThis as unknown as { axe: { run: () => Promise<{ violations: Violation[] }> } }
    ).axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
  });
  expect(found).toEqual([]);
}

interface Violation {
  id: string;
  nodes: { target: string[] }[];
}

const FOLDER = process.env.DKRON_UI_SCREENSHOTS;

/** A picture of all of the page, where a folder for pictures is named. */
export async function picture(page: Page, name: string): Promise<void> {
  if (FOLDER) await page.screenshot({ path: `${FOLDER}/${name}.png`, fullPage: true });
}

/** A request to the API itself, as another client would send it. */
export async function api(page: Page, method: string, path: string, body?: object): Promise<void> {
  const answer = await page.request.fetch(path, { method, data: body });
  expect(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`).toBe(true);
}

export { expect, type Page };
