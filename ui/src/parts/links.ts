// The addresses of views, below the page's base.

export function jobPath(job: string): string {
  return `/jobs/${encodeURIComponent(job)}`;
}

/** The key of a moment to explain, in the address of a job. */
export const MOMENT = "at";

/** The address that explains what became of a slot, in milliseconds since 1970. */
export function slotPath(job: string, slot: number): string {
  return `${jobPath(job)}?${MOMENT}=${encodeURIComponent(new Date(slot).toISOString())}`;
}

export function backfillPath(backfill: string): string {
  return `/backfills/${encodeURIComponent(backfill)}`;
}

export function executionPath(job: string, execution: string): string {
  return `${jobPath(job)}/executions/${encodeURIComponent(execution)}`;
}
