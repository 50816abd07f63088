// The state of a job or an attempt: a shape for each, so that no state differs only by colour.

import type { State } from "../model/state";

const WORDS: Record<State, string> = {
  success: "succeeded",
  failed: "failed",
  running: "running",
  partially_failed: "partially failed",
  untriggered: "never ran",
  disabled: "disabled",
  paused: "paused",
  invalid: "cannot run",
  stopped: "stopped",
  waiting: "waiting",
};

const SHAPES: Record<State, string> = {
  success: "M3.5 8.5 6.5 11.5 12.5 4.5",
  failed: "M4 4 12 12M12 4 4 12",
  running: "M5 3.5 12.5 8 5 12.5Z",
  partially_failed: "M8 3v6M8 12.5v.2",
  untriggered: "M4 8h.2M8 8h.2M12 8h.2",
  disabled: "M8 2.5a5.5 5.5 0 1 0 .01 0ZM4.3 4.3 11.7 11.7",
  paused: "M5.5 4v8M10.5 4v8",
  invalid: "M8 3v6M8 12.5v.2",
  stopped: "M4.5 4.5h7v7h-7Z",
  waiting: "M8 2.5a5.5 5.5 0 1 0 .01 0ZM8 5v3.2l2.2 1.4",
};

export function wordFor(state: State): string {
  return WORDS[state];
}

/** The path of the shape, in a square of 16. */
export function shapeOf(state: State): string {
  return SHAPES[state];
}

/** The shape, with the word for screen readers, or with the word beside it. `say` is another word for it. */
export function StateIcon({ state, word = false, say }: { state: State; word?: boolean; say?: string }) {
  return (
    <span class={`state-icon ${state}`}>
      <Shape of={state} />
      <span class={word ? "" : "spoken"}>{say ?? WORDS[state]}</span>
    </span>
  );
}

export function Shape({ of }: { of: State }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[of]} />
    </svg>
  );
}
