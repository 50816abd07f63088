// The slots that a schedule would have, from the server, while it is typed.

import { useEffect, useState } from "preact/hooks";
import { api, ask, Refusal } from "../../api/client";
import { Failure } from "../../parts/States";
import { When } from "../../parts/Time";
import { useQuery } from "../../state/query";
import type { Draft } from "../../text/draft";

const UPCOMING = 10;
/** Milliseconds after the last key before a schedule is tried. */
const TYPED = 350;

export function Preview({ draft }: { draft: Draft }) {
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
    try {
      return { next: (await ask(api.POST("/v1/schedule/preview", { body, signal }))).next, error: "" };
    } catch (error) {
      if (error instanceof Refusal && error.status === 400) return { next: [], error: error.message };
      throw error;
    }
  });
  if (!schedule) return <p class="muted">Without a schedule it runs after its parent job, or on request.</p>;
  const { data } = preview;
  return (
    <>
      {draft.disabled === true && <p class="note warn">The job is disabled: these slots would not run.</p>}
      {Boolean(draft.parent_job) && <p class="note warn">The job runs after {String(draft.parent_job)} instead.</p>}
      <Failure query={preview} />
      {data?.error && (
        <p class="note bad" role="status">
          {data.error}
        </p>
      )}
      {data && !data.error && data.next.length === 0 && (
        <p class="muted">It never comes due: it runs only on request.</p>
      )}
      <ol class="slots">
        {data?.next.map((slot) => (
          <li key={slot}>
            <When at={slot} jobZone={timezone} />
          </li>
        ))}
      </ol>
    </>
  );
}
