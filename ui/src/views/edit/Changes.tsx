// The changes of a save, and another user's changes meanwhile.

import { useState } from "preact/hooks";
import { type Change, changesOf, clashesOf, type Path, shown } from "../../model/changes";
import type { Draft } from "../../model/draft";
import { Differences, PathName } from "../../parts/Differences";

export function Changes({ changes }: { changes: readonly Change[] }) {
  return (
    <section class="changes" aria-label="Changes">
      <h3>{changes.length ? "Saving changes" : "Nothing is changed yet."}</h3>
      <Differences changes={changes} />
    </section>
  );
}

interface ConflictProps {
  /** The definition that both began with. */
  base: Draft;
  mine: Draft;
  theirs: Draft;
  /** Take both over; `keep` says where mine counts although theirs is another. */
  onDone: (keep: (path: Path) => boolean) => void;
}

/** The changes of another user beside the reader's. */
export function Conflict({ base, mine, theirs, onDone }: ConflictProps) {
  const [kept, setKept] = useState<ReadonlySet<string>>(new Set());
  const clashes = clashesOf(base, mine, theirs);
  const isClash = new Set(clashes.map(({ path }) => path.join("\n")));
  const others = changesOf(base, theirs).filter(({ path }) => !isClash.has(path.join("\n")));
  const choose = (path: Path, own: boolean) => {
    const next = new Set(kept);
    if (own) next.add(path.join("\n"));
    else next.delete(path.join("\n"));
    setKept(next);
  };
  return (
    <section class="conflict note" aria-label="Changes by another user">
      <p>
        Another user has changed this job since you opened it. Nothing of theirs is overwritten: take their changes
        over, and save then.
      </p>
      {others.length > 0 && (
        <>
          <h3>They changed</h3>
          <Differences changes={others} />
        </>
      )}
      {clashes.length > 0 && (
        <>
          <h3>Both of you changed: choose what counts</h3>
          <ul class="differences">
            {clashes.map(({ path, mine: own, theirs: other }) => (
              <li key={path.join("\n")}>
                <fieldset>
                  <legend>
                    <PathName path={path} />
                  </legend>
                  {([false, true] as const).map((isOwn) => (
                    <label key={String(isOwn)}>
                      <input
                        type="radio"
                        name={path.join("\n")}
                        checked={kept.has(path.join("\n")) === isOwn}
                        onChange={() => choose(path, isOwn)}
                      />
                      <span>{isOwn ? "yours" : "theirs"}</span>
                      <pre>{shown(isOwn ? own : other) || "not set"}</pre>
                    </label>
                  ))}
                </fieldset>
              </li>
            ))}
          </ul>
        </>
      )}
      <div class="buttons">
        <button type="button" onClick={() => onDone((path) => kept.has(path.join("\n")))}>
          Take over
        </button>
      </div>
    </section>
  );
}
