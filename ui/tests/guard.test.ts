// @vitest-environment happy-dom
import { type ComponentChild, Fragment, h, render } from "preact";
import { beforeEach, expect, test } from "vitest";
import "../src/parts/guard";
import { useTitle } from "../src/parts/useTitle";

const TURNED = "safe \u202egnissorp\u2069";
const SHOWN = "safe <U+202E>gnissorp<U+2069>";

const Component = () => TURNED as unknown as ReturnType<typeof h>;

beforeEach(() => render(null, document.body));

test.each<{ name: string; of: ComponentChild; html: string }>([
  { name: "a text", of: h("p", {}, TURNED), html: `<p>${SHOWN}</p>` },
  { name: "one of several", of: h("p", {}, 1, " ", TURNED), html: `<p>1 ${SHOWN}</p>` },
  { name: "a text without an element", of: h(Fragment, {}, TURNED), html: SHOWN },
  { name: "the text of a component", of: h(Component, {}), html: SHOWN },
  { name: "a list of texts", of: h("p", {}, [TURNED]), html: `<p>${SHOWN}</p>` },
  { name: "a tooltip", of: h("p", { title: TURNED }), html: `<p title="${SHOWN}"></p>` },
  { name: "a spoken name", of: h("p", { "aria-label": TURNED }), html: `<p aria-label="${SHOWN}"></p>` },
  { name: "one mark of Hebrew", of: h("p", {}, "\u200f\u05d0"), html: "<p>\u200f\u05d0</p>" },
])("$name keeps its order", ({ of, html }) => {
  render(of, document.body);
  const shown = document.body.innerHTML.replaceAll("&lt;", "<").replaceAll("&gt;", ">");
  expect(shown).toBe(html);
});

test("the value of a field is what was stored", () => {
  render(h("input", { value: TURNED }), document.body);
  expect(document.querySelector("input")?.value).toBe(TURNED);
});

test("the title of the document keeps its order", async () => {
  const Titled = () => {
    useTitle(TURNED);
    return null;
  };
  render(h(Titled, {}), document.body);
  await expect.poll(() => document.title).toBe(`${SHOWN} · dkron`);
});
