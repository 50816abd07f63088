// The slots that a schedule would have, from the server, while it is typed.

import { useEffect, useState } from "preact/hooks";
import { api, ask, Refusal } from "../../api/client";
import type { Draft } from "../../model/draft";
import { withSeconds } from "../../model/presets";
import { fullTime } from "../../model/time";
import { inBoth, jobZone, placeOf } from "../../model/zones";
import { Failure } from "../../parts/States";
import { now } from "../../state/clock";
import { zone } from "../../state/preferences";
import { useQuery } from "../../state/query";

const UPCOMING = 10;
/** Milliseconds after the last key before a schedule is tried. */
const TYPED = 350;

const NOTHING = { next: [], words: "", clock_changes: [] };

interface Props {
  draft: Draft;
  /** Take another schedule over. */
  use: (schedule: string) => void;
}

export function Preview({ draft, use }: Props) {
  const schedule = String(draft.schedule ?? "");
  const timezone = String(draft.timezone ?? "");
  const name = String(draft.name ?? "");
  const [asked, setAsked] = useState({ schedule, timezone, name });
  useEffect(() => {
    const timer = setTimeout(() => setAsked({ schedule, timezone, name }), TYPED);
    return () => clearTimeout(timer);
  }, [schedule, timezone, name]);
  const preview = useQuery(asked.schedule ? JSON.stringify(asked) : null, async (signal) => {
    const body = { ...asked, count: UPCOMING };
    const of = asked.timezone;
    try {
      return { ...(await ask(api.POST("/v1/schedule/preview", { body, signal }))), of, error: "" };
    } catch (error) {
      if (error instanceof Refusal && error.status === 400) return { ...NOTHING, of, error: error.message };
      throw error;
    }
  });
  if (!schedule) return <p class="muted">Without a schedule it runs after its parent job, or on request.</p>;
  const { data } = preview;
  const meant = withSeconds(asked.schedule);
  return (
    <>
      {draft.disabled === true && <p class="note warn">The job is disabled: these slots would not run.</p>}
      {Boolean(draft.parent_job) && <p class="note warn">The job runs after {String(draft.parent_job)} instead.</p>}
      <Failure query={preview} />
      {data?.error && (
        <div class="note bad" role="status">
          <p>{data.error}</p>
          {meant && (
            <button type="button" onClick={() => use(meant)}>
              Use {meant}
            </button>
          )}
        </div>
      )}
      {data?.words && <p class="in-words sentence">{data.words}</p>}
      {data && !data.error && data.next.length === 0 && (
        <p class="muted">It never comes due: it runs only on request.</p>
      )}
      <ol class="slots">
        {data?.next.map((slot) => (
          <Slot key={slot} at={Date.parse(slot)} timezone={data.of} />
        ))}
      </ol>
      {data?.clock_changes.map((sentence) => (
        <p key={sentence} class="note">
          {sentence}.
        </p>
      ))}
    </>
  );
}

/** A slot in the zone of the job, which decides, and in the reader's. */
function Slot({ at, timezone }: { at: number; timezone: string }) {
  const reader = zone.value === "local" ? undefined : "UTC";
  const { job, reader: own } = inBoth(at, now.peek(), timezone, reader);
  const place = jobZone(timezone);
  return (
    <li>
      <time dateTime={new Date(at).toISOString()} title={fullTime(at, place)}>
        {job} {placeOf(place)}
      </time>{" "}
      {own && (
        <span class="muted">
          · {own} {reader ?? "for you"}
        </span>
      )}
    </li>
  );
}
