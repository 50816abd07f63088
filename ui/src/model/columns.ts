// The columns of the list of jobs, beside the name, and which of them a reader has chosen. Pure.

export interface Column {
  readonly key: ColumnKey;
  /** The field to sort by; empty if the list cannot be sorted so. */
  readonly field: string;
  readonly title: string;
  /** Classes of its heading and of its cells: `medium` is not shown on a phone, `wide` on a wide screen only. */
  readonly heading: string;
  readonly cell: string;
  /** Whether it is shown only if it is chosen. */
  readonly isExtra?: boolean;
}

export type ColumnKey =
  | "runs"
  | "took"
  | "schedule"
  | "next"
  | "last_success"
  | "last_error"
  | "error_count"
  | "owner"
  | "executor"
  | "metadata";

export const COLUMNS: readonly Column[] = [
  { key: "runs", field: "", title: "Latest runs", heading: "wide runs-column", cell: "wide" },
  { key: "took", field: "took", title: "Took", heading: "wide number took-column", cell: "wide number nowrap" },
  { key: "schedule", field: "schedule", title: "Schedule", heading: "medium schedule-column", cell: "medium clip" },
  { key: "next", field: "next", title: "Next", heading: "medium next-column", cell: "medium nowrap" },
  {
    key: "last_success",
    field: "last_success",
    title: "Last success",
    heading: "medium time-column",
    cell: "medium nowrap",
  },
  { key: "last_error", field: "last_error", title: "Last failure", heading: "wide time-column", cell: "wide nowrap" },
  {
    key: "error_count",
    field: "error_count",
    title: "Failed",
    heading: "wide number count-column",
    cell: "wide number",
  },
  { key: "owner", field: "", title: "Owner", heading: "medium owner-column", cell: "medium clip", isExtra: true },
  {
    key: "executor",
    field: "",
    title: "Executor",
    heading: "medium executor-column",
    cell: "medium clip",
    isExtra: true,
  },
  {
    key: "metadata",
    field: "",
    title: "Metadata",
    heading: "medium metadata-column",
    cell: "medium clip",
    isExtra: true,
  },
];

/** The columns of a stored choice, `runs,next`; the columns of the list as it is at first if there is none. */
export function columnsIn(stored: string | null): ColumnKey[] {
  const chosen = stored?.split(",");
  return COLUMNS.filter(({ key, isExtra }) => (chosen ? chosen.includes(key) : !isExtra)).map(({ key }) => key);
}
