// The mark of a job that a manifest keeps: a change here would be refused, or undone.

import type { Keeper as Kept } from "../api/details";

/** How most jobs come to be: a list does not mark them. */
const USUAL = "kubectl apply";

/** `Argo CD`, with the rest as its title; `full` says all of it. */
export function Keeper({ kept, full = false }: { kept: Kept | null | undefined; full?: boolean }) {
  if (!kept || (!full && kept.tool === USUAL)) return null;
  const words = inWords(kept);
  return (
    <span class="badge" title={words}>
      {full ? `kept by ${kept.tool}${kept.name && ` (${kept.name})`}` : kept.tool}
      {!full && <span class="spoken"> keeps it</span>}
    </span>
  );
}

/** The kept fields, and where to change them. */
export function inWords({ tool, name, fields }: Kept): string {
  const kept = Object.keys(fields).join(", ");
  return `${tool}${name && ` (${name})`} keeps ${kept || "this job"}: change it there`;
}
