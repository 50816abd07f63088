// The conditions of a job, as the operator states them: those that ask for attention first.

import type { Details } from "../api/details";
import { inZone } from "../model/time";
import { now } from "../state/clock";
import { shownZone } from "../state/preferences";
import { StateIcon } from "./StateIcon";
import { When } from "./Time";

type Condition = Details["conditions"][number];

/** Conditions that are good news when they are true; the others are when they are false. */
const GOOD = new Set(["Ready"]);

export function isWell({ type, status }: Pick<Condition, "type" | "status">): boolean {
  return GOOD.has(type) ? status === "True" : status === "False";
}

/** The conditions in their order, without Stalled: it repeats for other programs what Ready says. */
export function forPeople<T extends Pick<Condition, "type" | "status">>(conditions: readonly T[]): T[] {
  return conditions.filter(({ type }) => type !== "Stalled").sort((a, b) => Number(isWell(a)) - Number(isWell(b)));
}

interface Props {
  conditions: readonly Condition[];
  /** The sentences at the top of the view, which are not said again. */
  told: readonly string[];
}

export function Conditions({ conditions, told }: Props) {
  return (
    <ul class="conditions">
      {forPeople(conditions).map((each) => (
        <li key={each.type}>
          <StateIcon state={isWell(each) ? "success" : each.status === "Unknown" ? "waiting" : "partially_failed"} />
          <p>
            <strong>
              {each.type} is {each.status.toLowerCase()}
            </strong>{" "}
            <span class="muted">
              {each.reason}, since <When at={each.since} />
            </span>
          </p>
          {each.message && !told.includes(each.message) && (
            <p class="why">{inZone(each.message, now.peek(), shownZone())}</p>
          )}
        </li>
      ))}
    </ul>
  );
}
