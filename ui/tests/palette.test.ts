// @vitest-environment happy-dom
import { h, render } from "preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Palette, paletteOpen, usePaletteKey } from "../src/parts/Palette";

/** Answers to searches for jobs, which the test gives when it wants. */
const server = vi.hoisted(() => {
  const state: { answer: (names: string[]) => void } = { answer: () => undefined };
  vi.stubGlobal(
    "fetch",
    () =>
      new Promise<Response>((done) => {
        state.answer = (names) => done(Response.json(names.map((name) => ({ name, schedule: "@daily" }))));
      }),
  );
  return state;
});

function Page() {
  usePaletteKey();
  return h(Palette, {});
}

const input = () => document.querySelector("input");
const press = (key: string, on: EventTarget = globalThis, ctrlKey = false) =>
  on.dispatchEvent(new KeyboardEvent("keydown", { key, ctrlKey, bubbles: true, cancelable: true }));

beforeEach(() => render(h(Page, {}), document.body));
afterEach(() => {
  paletteOpen.value = false;
  render(null, document.body);
});

test("Ctrl-K opens it at once, before anything is painted", async () => {
  press("k", globalThis, true);
  await Promise.resolve();
  expect(document.querySelector("dialog[open] input")).not.toBeNull();
});

test("Enter waits for the jobs of what was typed", async () => {
  history.replaceState(null, "", "/ui/");
  press("k", globalThis, true);
  await vi.waitFor(() => expect(input()).not.toBeNull());
  const field = input() as HTMLInputElement;
  field.value = "nightly";
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await Promise.resolve();
  press("Enter", field);
  await vi.waitFor(() => {
    server.answer(["nightly-backup"]);
    expect(location.pathname).toBe("/jobs/nightly-backup");
  });
  expect(input()).toBeNull();
});
