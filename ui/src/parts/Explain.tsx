// Why a job ran at an instant, or did not: what the API says of each slot.

import { useEffect, useState } from "preact/hooks";
import { useSearch } from "wouter-preact";
import { api, ask, type Explanation } from "../api/client";
import { readMoment } from "../model/axis";
import { inZone } from "../model/time";
import { now } from "../state/clock";
import { shownZone } from "../state/preferences";
import { useQuery } from "../state/query";
import { MOMENT } from "./links";
import { Failure, Loading } from "./States";
import { When } from "./Time";

type Slot = Explanation["slots"][number];

/** Rows of slots to show. */
const MOST = 6;

interface Props {
  job: string;
  zone: string;
  /** The sentences at the top of the view, which are not said again. */
  told: readonly string[];
}

export function Explain({ job, zone, told }: Props) {
  // A slot of the picture leads here.
  const wanted = new URLSearchParams(useSearch()).get(MOMENT) ?? "";
  const [text, setText] = useState(wanted);
  const [at, setAt] = useState(wanted);
  const [isWrong, setWrong] = useState(false);
  useEffect(() => {
    setText(wanted);
    setAt(wanted);
    setWrong(false);
  }, [wanted]);
  const path = { job_name: job };
  const asked = useQuery(`explain ${job} ${at}`, async (signal) => {
    const query = at ? { at } : {};
    return { at, found: await ask(api.GET("/v1/jobs/{job_name}/explain", { params: { path, query }, signal })) };
  });
  // The answer to another moment is none to this one, be it while this one is read or because it could not be.
  const found = asked.data?.at === at ? asked.data.found : undefined;
  return (
    <>
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          const moment = text.trim() && readMoment(text, now.peek(), shownZone(zone));
          setWrong(moment === undefined);
          if (moment === undefined) return;
          setAt(moment);
          if (at === moment) asked.reload();
        }}
      >
        <input
          aria-label="A moment to explain"
          placeholder="05:59, yesterday 02:30, or 2h"
          aria-invalid={isWrong}
          spellcheck={false}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setWrong(false);
          }}
        />
        <button type="submit">Explain</button>
      </form>
      {isWrong && (
        <p class="note bad" role="alert">
          This is no time. Type one such as 05:59, yesterday 02:30, 2026-11-27 02:30, or 2h for two hours ago.
        </p>
      )}
      {!isWrong && <Failure query={asked} />}
      {!isWrong && !found && asked.loading && <Loading rows={1} />}
      {!isWrong && found && <Answer found={found} isAll={!at} zone={zone} told={told} />}
    </>
  );
}

interface AnswerProps extends Pick<Props, "zone" | "told"> {
  found: Explanation;
  /** Whether it is of the last day, rather than of one moment. */
  isAll: boolean;
}

function Answer({ found, isAll, zone, told }: AnswerProps) {
  const past = pastOf(found.slots, now.peek());
  const alike = inRows((isAll ? past.filter((slot) => slot.what !== "ran") : [...found.slots]).reverse());
  const say = (sentence: string) => inZone(shortened(sentence, told), now.peek(), shownZone(zone));
  return (
    <>
      {isAll && <p class="muted">{lastDay(past)}</p>}
      <ul class="explained">
        {alike.slice(0, MOST).map(([slot, ...same]) => (
          <li key={slot.slot}>
            <When at={slot.slot} jobZone={zone} />
            {same.length > 0 && (
              <>
                {same.length > 1 ? ` and ${same.length} more back to ` : " and "}
                <When at={same.at(-1)?.slot} jobZone={zone} />
              </>
            )}{" "}
            <strong>{slot.what}</strong>: {say(slot.why)}
            {slot.setting && (
              <>
                {" "}
                <code>{slot.setting}</code>
              </>
            )}
          </li>
        ))}
      </ul>
      {alike.length > MOST && <p class="muted">and more before; ask for a moment to see one of them</p>}
      {withoutTold(found.remarks, told).map((remark) => (
        <p key={remark} class="muted sentence">
          {say(remark)}
        </p>
      ))}
    </>
  );
}

/** Slots in rows: those that follow each other and have the same explanation are one. */
export function inRows<Of extends Omit<Slot, "slot">>(slots: readonly Of[]): [Of, ...Of[]][] {
  const rows: [Of, ...Of[]][] = [];
  for (const slot of slots) {
    const row = rows.at(-1);
    const first = row?.[0];
    if (first && first.what === slot.what && first.why === slot.why && first.setting === slot.setting) row.push(slot);
    else rows.push([slot]);
  }
  return rows;
}

/** The sentences that say something else than these. */
export function withoutTold(sentences: readonly string[], told: readonly string[]): string[] {
  return sentences.filter((sentence) => !told.some((each) => each && sentence.endsWith(each)));
}

/** A sentence without what these say. */
export function shortened(sentence: string, told: readonly string[]): string {
  const known = told.filter(Boolean);
  return known.reduce((text, each) => text.replace(`the job is ${each}; `, "").replace(`: ${each}`, ""), sentence);
}

/** The slots that were due. The answer also has the slots of the coming hour, some of which are known not to run. */
export function pastOf<Of extends Pick<Slot, "slot" | "what">>(slots: readonly Of[], at: number): Of[] {
  return slots.filter((slot) => slot.what !== "to come" && Date.parse(slot.slot) <= at);
}

/** What became of the slots of the last day, in a sentence. */
export function lastDay(past: readonly Pick<Slot, "what">[]): string {
  if (!past.length) return "No slot within the last day.";
  const ran = past.filter((slot) => slot.what === "ran").length;
  const of = past.length === 1 ? "The one slot" : `${ran === past.length ? "All" : `${ran} of`} ${past.length} slots`;
  if (ran === past.length) return `${of} of the last day ran.`;
  return past.length === 1 ? "The one slot of the last day did not run." : `${of} of the last day ran. The others:`;
}
