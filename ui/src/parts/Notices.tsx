import { Link } from "wouter-preact";
import { inZone } from "../model/time";
import { asSentence } from "../model/words";
import { now } from "../state/clock";
import { dismiss, notices } from "../state/notices";
import { shownZone } from "../state/preferences";
import { executionPath } from "./links";

/** The corner where notices appear. Screen readers read them out. */
export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ id, text, bad, begun }) => (
        <p key={id} class={bad ? "notice bad" : "notice"}>
          <span>
            {asSentence(inZone(text, now.peek(), shownZone()))}{" "}
            {begun?.execution && (
              <Link href={executionPath(begun.job, begun.execution)} onClick={() => dismiss(id)}>
                Open the run
              </Link>
            )}
          </span>
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ×
          </button>
        </p>
      ))}
    </div>
  );
}
