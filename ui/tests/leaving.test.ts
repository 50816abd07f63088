// @vitest-environment happy-dom
import { afterEach, describe, expect, test, vi } from "vitest";
import { guard, mayLeave } from "../src/state/leaving";

describe.each([{ leaves: true }, { leaves: false }])("the reader answers $leaves", ({ leaves }) => {
  const ask = vi.fn(() => leaves);
  let end = () => {};
  afterEach(() => {
    end();
    ask.mockClear();
  });

  test("a link asks, until it is saved", () => {
    vi.stubGlobal("confirm", ask);
    end = guard();
    expect(mayLeave()).toBe(leaves);
    end();
    expect(mayLeave()).toBe(true);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  test("Back is undone before the router hears of it", () => {
    vi.stubGlobal("confirm", ask);
    const router = vi.fn();
    const put = vi.spyOn(history, "pushState");
    addEventListener("popstate", router);
    end = guard();
    dispatchEvent(new PopStateEvent("popstate"));
    removeEventListener("popstate", router);
    expect(router).toHaveBeenCalledTimes(leaves ? 1 : 0);
    expect(put).toHaveBeenCalledTimes(leaves ? 0 : 1);
    put.mockRestore();
  });
});
