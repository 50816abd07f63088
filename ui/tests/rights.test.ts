// @vitest-environment happy-dom
import { h, render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import { whoami } from "../src/state/session";
import { Edit } from "../src/views/Edit";

/** The rights that the server tells of for one job; undefined where it cannot tell. */
const server = vi.hoisted(() => {
  const state: { ofJob: string[] | undefined } = { ofJob: [] };
  const json = (body: unknown) =>
    new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
  vi.stubGlobal("fetch", async ({ url }: Request) => {
    if (!url.includes("/v1/whoami")) return json({ name: "a", chain: [], next: [], fields: {}, executors: [] });
    return state.ofJob ? json({ rights: state.ofJob }) : new Response("broken", { status: 500 });
  });
  return state;
});
const root = document.body;
afterEach(() => render(null, root));

const REFUSED = "Your rights do not allow";
test.each([
  { name: undefined, rights: [], ofJob: [], form: false },
  { name: undefined, rights: ["create dkronjobs"], ofJob: [], form: true },
  { name: "a", rights: [], ofJob: ["get dkronjobs"], form: false },
  { name: "a", rights: [], ofJob: ["update dkronjobs"], form: true },
  { name: "a", rights: [], ofJob: undefined, form: true },
] as const)("the form of $name with $rights, and $ofJob of the job: $form", async ({ name, rights, ofJob, form }) => {
  server.ofJob = ofJob && [...ofJob];
  whoami.value = { name: "reader", how: "dkron", namespace: "default", rights: [...rights] } as typeof whoami.value;
  render(h(Edit, { name }), root);
  await vi.waitFor(() => expect(root.querySelector("form") !== null || root.textContent?.includes(REFUSED)).toBe(true));
  expect(root.querySelector("form") !== null).toBe(form);
});
