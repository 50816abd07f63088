// The reader's actions on a backfill: suspend it, have it go on, cancel it.

import { useState } from "preact/hooks";
import { type Backfill, cancelBackfill, suspendBackfill } from "../api/backfills";
import { isUnderWay } from "../model/backfills";
import { attempt } from "../state/notices";
import { may } from "../state/session";
import { Confirm } from "./Confirm";

interface Props {
  backfill: Backfill;
  /** It is another one now. */
  onChange: (next: Backfill) => void;
  onGone: () => void;
  quiet?: boolean;
}

export function BackfillActions({ backfill, onChange, onGone, quiet = false }: Props) {
  const [asking, setAsking] = useState(false);
  const { name, suspend } = backfill;
  const goesOn = isUnderWay(backfill);
  const verb = goesOn ? "Cancel" : "Delete";
  const toggle = () =>
    attempt(
      async () => onChange(await suspendBackfill(name, !suspend)),
      suspend ? `${name} goes on.` : `${name} is suspended: no further slot begins.`,
    );
  const remove = async () => {
    if (await attempt(() => cancelBackfill(name), `${name} is ${goesOn ? "cancelled" : "deleted"}.`)) onGone();
  };
  return (
    <>
      {goesOn && may("update dkronbackfills") && (
        <button
          type="button"
          class={quiet ? "quiet" : ""}
          aria-label={`${suspend ? "Resume" : "Suspend"} ${name}`}
          onClick={toggle}
        >
          {suspend ? "Resume" : "Suspend"}
        </button>
      )}
      {may("delete dkronbackfills") && (
        <button
          type="button"
          class={quiet ? "quiet" : "danger"}
          aria-label={`${verb} ${name}`}
          onClick={() => setAsking(true)}
        >
          {verb}
        </button>
      )}
      {asking && (
        <Confirm
          title={`${verb} ${name}?`}
          text={
            goesOn
              ? "No further slot begins, and the backfill is deleted. Runs that are active go on, and the jobs record them."
              : "The record of which slots ran is deleted. The executions of the jobs stay."
          }
          verb={goesOn ? "Cancel the backfill" : "Delete"}
          onYes={remove}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
