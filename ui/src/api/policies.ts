// Requests about policies: what holders of tokens of the API may do.

import { api, ask, askList } from "./client";
import type { components } from "./schema";

export type Policy = components["schemas"]["stored_policy"];

export async function listPolicies(signal?: AbortSignal): Promise<Policy[]> {
  return (await askList<Policy>(api.GET("/v1/acl/policies", { signal }))).items;
}

/** A policy, and its version. */
export async function readPolicy(name: string): Promise<{ policy: Policy; etag: string }> {
  const read = api.GET("/v1/acl/policies/{name}", { params: { path: { name } } });
  const policy = await ask<Policy>(read);
  return { policy, etag: (await read).response.headers.get("ETag") ?? "" };
}

/** Store the rules. An empty `etag` creates the policy, and fails if there is one of that name. */
export function savePolicy(name: string, rules: string, etag: string): Promise<Policy> {
  const header = etag ? { "If-Match": etag } : { "If-None-Match": "*" };
  const params = { path: { name }, header };
  return ask<Policy>(api.POST("/v1/acl/policies/{name}", { params, body: { Rules: rules } }));
}

export function deletePolicy(name: string): Promise<Policy> {
  return ask<Policy>(api.DELETE("/v1/acl/policies/{name}", { params: { path: { name } } }));
}
