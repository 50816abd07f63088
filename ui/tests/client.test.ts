// @vitest-environment happy-dom
import { expect, test, vi } from "vitest";
import { api, ask, NO_ANSWER } from "../src/api/client";

// The client takes the fetch that there is when it is made.
vi.hoisted(() => vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch"))));

const path = { job_name: "a" };

test.each([
  { name: "a read is asked again", send: () => ask(api.GET("/v1/jobs/{job_name}", { params: { path } })), again: true },
  {
    name: "a write is not",
    send: () => ask(api.POST("/v1/jobs/{job_name}/toggle", { params: { path } })),
    again: false,
  },
])("without an answer $name", async ({ send, again }) => {
  const refusal = await send().catch((reason) => reason);
  expect(refusal).toMatchObject({ status: 0 });
  expect(refusal.message === NO_ANSWER).toBe(again);
  expect(refusal.message).toContain(again ? "tries again by itself" : "not tried again");
});
