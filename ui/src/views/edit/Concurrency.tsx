// The choice about further slots while the job runs, and the line in which runs wait if they do.

import { type Draft, isObject, LABELS } from "../../model/draft";
import { choiceOf, chosen, DEFAULT_QUEUE } from "../../model/queue";
import { Labelled } from "./Labelled";

interface Props {
  draft: Draft;
  set: (key: string, value: unknown) => void;
  /** Makes the function that tells about a field. */
  tell: (key: string) => () => void;
}

export function Concurrency({ draft, set, tell }: Props) {
  const choice = choiceOf(draft);
  const choose = (next: string) => {
    for (const [key, value] of Object.entries(chosen(next, draft))) set(key, value);
  };
  return (
    <>
      <Labelled label={LABELS.concurrency ?? ""} hint="what a further slot does" onFocus={tell("concurrency")}>
        {(id) => (
          <select id={id} value={choice} onChange={(event) => choose(event.currentTarget.value)}>
            <option value="allow">allow: it runs as well</option>
            <option value="forbid">forbid: the slot is skipped</option>
            <option value="replace">replace: the running one is stopped</option>
            <option value="queue">queue: it waits in line</option>
          </select>
        )}
      </Labelled>
      {choice === "queue" && <Line {...{ draft, set, tell }} />}
    </>
  );
}

function Line({ draft, set, tell }: Props) {
  const queue = { ...DEFAULT_QUEUE, ...(isObject(draft.queue) ? draft.queue : {}) };
  const put = (key: string, value: unknown) => set("queue", { ...queue, [key]: value });
  const about = tell("queue");
  return (
    <>
      <Labelled label="May wait" hint="further runs are dropped" onFocus={about}>
        {(id) => (
          <input
            id={id}
            type="number"
            min={1}
            max={100}
            required
            value={Number(queue.max)}
            onInput={(event) => put("max", Number(event.currentTarget.value) || 0)}
          />
        )}
      </Labelled>
      <Labelled label="Each for" hint="such as 1h; empty: until its turn" onFocus={about}>
        {(id) => (
          <input
            id={id}
            spellcheck={false}
            autocomplete="off"
            value={String(queue.expires ?? "")}
            onInput={(event) => put("expires", event.currentTarget.value || null)}
          />
        )}
      </Labelled>
      <Labelled label="Begins first" onFocus={about}>
        {(id) => (
          <select id={id} value={String(queue.order)} onChange={(event) => put("order", event.currentTarget.value)}>
            <option value="oldest">the one that waits longest</option>
            <option value="newest">the newest, and older ones are dropped</option>
          </select>
        )}
      </Labelled>
    </>
  );
}
