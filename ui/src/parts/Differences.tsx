// Values of a definition as they were and as they became.

import { type Change, type Path, shown } from "../model/changes";
import { LABELS } from "../model/draft";
import { nameOfSetting } from "../model/settings";

export function Differences({ changes }: { changes: readonly Change[] }) {
  return (
    <ul class="differences">
      {changes.map(({ path, before, after }) => (
        <li key={path.join("\n")}>
          <PathName path={path} />
          <div>
            {before !== undefined && <Value of={before} kind="was" />}
            {after !== undefined && <Value of={after} kind="is" />}
            {after === undefined && <span class="muted">is removed</span>}
          </div>
        </li>
      ))}
    </ul>
  );
}

export function PathName({ path: [field = "", ...keys] }: { path: Path }) {
  const setting = field === "executor_config" && keys.length === 1 ? nameOfSetting(keys[0] ?? "") : undefined;
  if (setting) return <span class="path">{setting}</span>;
  return (
    <span class="path">
      {LABELS[field] ?? <code>{field}</code>}
      {keys.length > 0 && <code> › {keys.join(" › ")}</code>}
    </span>
  );
}

function Value({ of, kind }: { of: unknown; kind: "was" | "is" }) {
  const text = shown(of) || "empty";
  return (
    <pre class={kind}>
      <span aria-hidden="true">{kind === "was" ? "− " : "+ "}</span>
      <span class="spoken">{kind === "was" ? "was " : "becomes "}</span>
      {text}
    </pre>
  );
}
