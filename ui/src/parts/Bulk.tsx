// An action for many jobs: what it would do, how far it is, what went wrong, and for a switch the way back.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { setDisabled } from "../api/details";
import { deleteJob, type ListedJob, runJob } from "../api/jobs";
import { type Action, inTurns, plan } from "../model/bulk";
import { may } from "../state/session";
import { useModal } from "./useModal";

interface Offer {
  readonly action: Action;
  readonly verb: string;
  readonly done: string;
  readonly right: Parameters<typeof may>[0];
}

const OFFERS: readonly Offer[] = [
  { action: "run", verb: "Run", done: "asked to run", right: "create dkronjobs/run" },
  { action: "enable", verb: "Enable", done: "enabled", right: "update dkronjobs/toggle" },
  { action: "disable", verb: "Disable", done: "disabled", right: "update dkronjobs/toggle" },
  { action: "delete", verb: "Delete", done: "deleted", right: "delete dkronjobs" },
];

/** Whether the reader may do anything with many jobs. */
export function mayDoMany(): boolean {
  return OFFERS.some((each) => may(each.right));
}

/** Jobs that a preview names one by one. */
const NAMED = 200;

export interface Outcome {
  /** The jobs that were switched, and to what: to be switched back. */
  readonly switched: readonly string[];
  readonly disabled: boolean;
  readonly words: string;
}

interface BarProps {
  chosen: readonly ListedJob[];
  /** The effect of the last action, while it can be undone. */
  outcome: Outcome | undefined;
  onOutcome: (outcome: Outcome | undefined) => void;
  onClear: () => void;
}

/** What to do with the jobs that are chosen. */
export function BulkBar({ chosen, outcome, onOutcome, onClear }: BarProps) {
  const [asking, setAsking] = useState<{ offer: Offer; jobs: readonly ListedJob[] }>();
  const [undoing, setUndoing] = useState(false);
  const undo = async () => {
    if (!outcome || undoing) return;
    setUndoing(true);
    const failed: string[] = [];
    const back = async (job: string) => void (await setDisabled(job, !outcome.disabled));
    await inTurns(outcome.switched, back, (job) => failed.push(job), new AbortController().signal);
    setUndoing(false);
    const rest = failed.length ? ` ${failed.length} could not be: ${failed.slice(0, 5).join(", ")}.` : "";
    const words = `${jobs(outcome.switched.length - failed.length)} switched back.${rest}`;
    onOutcome({ switched: [], disabled: false, words });
  };
  return (
    <>
      <div class="bulk" role="region" aria-label="Selected jobs">
        {chosen.length > 0 && (
          <>
            <strong>{jobs(chosen.length)} selected</strong>
            {OFFERS.filter((each) => may(each.right)).map((offer) => (
              <button
                key={offer.action}
                type="button"
                class={offer.action === "delete" ? "danger" : ""}
                onClick={() => setAsking({ offer, jobs: chosen })}
              >
                {offer.verb}…
              </button>
            ))}
            <button type="button" class="quiet" onClick={onClear}>
              Clear the selection
            </button>
          </>
        )}
        {outcome && (
          <span class="outcome">
            {outcome.words}
            {outcome.switched.length > 0 && (
              <button type="button" onClick={undo} aria-disabled={undoing}>
                {undoing ? "Undoing…" : "Undo"}
              </button>
            )}
            <button type="button" class="quiet" aria-label="Dismiss" onClick={() => onOutcome(undefined)}>
              ×
            </button>
          </span>
        )}
      </div>
      {asking && (
        <Preview
          {...asking}
          onOutcome={onOutcome}
          onClose={(finished) => {
            setAsking(undefined);
            if (finished) onClear();
          }}
        />
      )}
    </>
  );
}

function jobs(count: number): string {
  return count === 1 ? "1 job" : `${count} jobs`;
}

interface PreviewProps {
  offer: Offer;
  jobs: readonly ListedJob[];
  onOutcome: (outcome: Outcome | undefined) => void;
  onClose: (finished: boolean) => void;
}

function Preview({ offer, jobs: chosen, onOutcome, onClose }: PreviewProps) {
  const { action, verb, done } = offer;
  const dialog = useModal();
  const control = useRef<AbortController>();
  const [count, setCount] = useState(0);
  const [stage, setStage] = useState<"asks" | "works" | "is over">("asks");
  const [failed, setFailed] = useState<{ job: string; why: string }[]>([]);
  const title = useId();
  useEffect(() => () => control.current?.abort(), []);
  const steps = plan(action, chosen);
  const does = steps.filter((each) => each.does).map((each) => each.job.name);
  const begin = async () => {
    setStage("works");
    control.current = new AbortController();
    const switched: string[] = [];
    const wrong: { job: string; why: string }[] = [];
    let changed = 0;
    const one = async (job: string) => {
      if (action === "run") await runJob(job);
      else if (action === "delete") await deleteJob(job);
      else if (await setDisabled(job, action === "disable")) switched.push(job);
      changed += 1;
      setCount((before) => before + 1);
    };
    const fail = (job: string, error: unknown) => {
      wrong.push({ job, why: error instanceof Error ? error.message : String(error) });
      setCount((before) => before + 1);
    };
    await inTurns(does, one, fail, control.current.signal);
    const rest = does.length - changed;
    const words = `${jobs(changed)} ${done}${rest ? `, ${rest} not` : ""}.`;
    onOutcome({ switched, disabled: action === "disable", words });
    setFailed(wrong);
    if (wrong.length) setStage("is over");
    else dialog.current?.close();
  };
  return (
    <dialog
      ref={dialog}
      class="confirm preview"
      aria-labelledby={title}
      onClose={() => {
        control.current?.abort();
        onClose(stage !== "asks");
      }}
    >
      <h2 id={title}>
        {verb} {jobs(does.length)}?
      </h2>
      {stage === "is over" ? (
        <>
          <p role="alert">{failed.length === 1 ? "One was refused:" : `${failed.length} were refused:`}</p>
          <ul class="steps">
            {failed.slice(0, NAMED).map(({ job, why }) => (
              <li key={job}>
                <strong>{job}</strong> <span class="bad">{why}</span>
              </li>
            ))}
          </ul>
        </>
      ) : (
        <>
          <p class="muted">{explained(action, chosen.length - does.length)}</p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls has to be reached by keyboard. */}
          <ul class="steps" tabIndex={0} aria-label="What becomes of each job">
            {steps.slice(0, NAMED).map(({ job, does, words }) => (
              <li key={job.name} class={does ? "" : "muted"}>
                <strong>{job.name}</strong> {words}
              </li>
            ))}
            {steps.length > NAMED && <li class="muted">and {steps.length - NAMED} more</li>}
          </ul>
        </>
      )}
      {stage === "works" && (
        <p role="status">
          <progress value={count} max={does.length} aria-label="Progress" /> {count} of {does.length}
        </p>
      )}
      <div class="buttons">
        {stage === "asks" && (
          <>
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button
              type="button"
              class={action === "delete" ? "danger" : "primary"}
              disabled={does.length === 0}
              onClick={begin}
            >
              {verb} {jobs(does.length)}
            </button>
          </>
        )}
        {stage === "works" && (
          <button type="button" onClick={() => control.current?.abort()}>
            Stop
          </button>
        )}
        {stage === "is over" && (
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
        )}
      </div>
    </dialog>
  );
}

function explained(action: Action, left: number): string {
  const back = {
    run: "A run cannot be taken back, but stopped.",
    enable: "You can undo it afterwards.",
    disable: "You can undo it afterwards.",
    delete: "This cannot be undone.",
  }[action];
  return left
    ? `${back} ${jobs(left)} of the selection ${left === 1 ? "stays" : "stay"} as ${left === 1 ? "it is" : "they are"}.`
    : back;
}
