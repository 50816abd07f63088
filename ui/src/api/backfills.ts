// Requests about backfills: slots of the past that run again.

import { api, ask, askList } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Backfill = Schemas["stored_backfill"];
export type BackfillBody = Schemas["backfill"];
export type BackfillSlot = Schemas["backfill_slot"];

/** Seconds between two looks at a dry run, and after which an operator should have planned it. */
const LOOK = 0.5;
const PATIENCE = 30;
/** Seconds after which the operator deletes a dry run that the page could not. */
const KEPT = 300;

export function listBackfills(
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<{ items: Backfill[]; total: number }> {
  return askList(api.GET("/v1/backfills", { params: { query: { _start: start, _end: end } }, signal }));
}

export function showBackfill(name: string, signal?: AbortSignal): Promise<Backfill> {
  return ask<Backfill>(api.GET("/v1/backfills/{name}", { params: { path: { name } }, signal }));
}

export function listSlots(
  name: string,
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<{ items: BackfillSlot[]; total: number }> {
  const params = { path: { name }, query: { _start: start, _end: end } };
  return askList(api.GET("/v1/backfills/{name}/slots", { params, signal }));
}

export function createBackfill(body: BackfillBody): Promise<Backfill> {
  return ask<Backfill>(api.POST("/v1/backfills", { body }));
}

export function suspendBackfill(name: string, suspend: boolean): Promise<Backfill> {
  return ask<Backfill>(api.PATCH("/v1/backfills/{name}", { params: { path: { name } }, body: { suspend } }));
}

export function cancelBackfill(name: string): Promise<Backfill> {
  return ask<Backfill>(api.DELETE("/v1/backfills/{name}", { params: { path: { name } } }));
}

/** Have the operator plan the backfill, and return that dry run; undefined if no operator has planned it in time. */
export async function planOf(body: BackfillBody, signal: AbortSignal): Promise<Backfill | undefined> {
  const asked = { ...body, name: undefined, dry_run: true, ttl_seconds_after_finished: KEPT };
  const { name } = await createBackfill(asked);
  const until = Date.now() + PATIENCE * 1000;
  try {
    while (!signal.aborted && Date.now() < until) {
      const found = await showBackfill(name, signal);
      if (found.status.finished_at) return found;
      await new Promise((done) => setTimeout(done, LOOK * 1000));
    }
    return undefined;
  } finally {
    // Without the right to delete it, it goes by itself.
    cancelBackfill(name).catch(() => undefined);
  }
}
