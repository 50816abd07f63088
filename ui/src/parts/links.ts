// The addresses of views, below the page's base.

export function jobPath(job: string): string {
  return `/jobs/${encodeURIComponent(job)}`;
}

export function backfillPath(backfill: string): string {
  return `/backfills/${encodeURIComponent(backfill)}`;
}

export function executionPath(job: string, execution: string): string {
  return `${jobPath(job)}/executions/${encodeURIComponent(execution)}`;
}
