// The fields of a job, with the descriptions of the custom resource.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { api, ask, type JobFields } from "../../api/client";
import { fieldTime, readFieldTime } from "../../model/backfills";
import { briefly, type Draft, LABELS, objectOf, pairsOf } from "../../model/draft";
import { PRESETS } from "../../model/presets";
import { instant } from "../../model/time";
import { zones } from "../../model/zones";
import { JobNames } from "../../parts/JobNames";
import { Panel } from "../../parts/Panel";
import { zone } from "../../state/preferences";
import { useQuery } from "../../state/query";
import { Concurrency } from "./Concurrency";
import { Executor } from "./Executor";
import { Labelled } from "./Labelled";
import { Pairs } from "./Pairs";

/** The field that has the focus, and its name for people. */
const about = signal<{ key: string; name: string } | undefined>(undefined);
/** The server's description of each field. */
const texts = signal<JobFields["fields"]>({});

/** The description of a field, while it has the focus. */
export function About() {
  const { key = "", name } = about.value ?? {};
  const text = texts.value[key];
  if (!text) return null;
  const [first, rest] = briefly(text);
  return (
    <Panel title="About this field" class="about">
      <p>
        <b>{name}:</b> {first}
      </p>
      {rest && (
        <details key={key}>
          <summary>More</summary>
          <p>{rest}</p>
        </details>
      )}
    </Panel>
  );
}

interface Props {
  draft: Draft;
  set: (key: string, value: unknown) => void;
  isNew: boolean;
}

export function Fields({ draft, set, isNew }: Props) {
  const described = useQuery<JobFields>("fields", (signal) => ask(api.GET("/v1/fields", { signal })));
  useEffect(() => {
    texts.value = described.data?.fields ?? {};
  }, [described.data]);
  useEffect(
    () => () => {
      about.value = undefined;
    },
    [],
  );
  const text = (key: string) => String(draft[key] ?? "");
  const utc = zone.value !== "local";
  const label = (key: string) => LABELS[key] ?? key;
  const tell = (key: string) => () => {
    about.value = { key, name: label(key) };
  };
  /** `suggests` returns what stands below the field; a datalist in it has the id that it is given. */
  const field = (key: string, hint = "", required = false, suggests?: (id: string) => ComponentChildren) => (
    <Labelled label={label(key)} hint={hint} onFocus={tell(key)}>
      {(id) => (
        <>
          <input
            id={id}
            list={suggests && `${id}-list`}
            required={required}
            spellcheck={false}
            autocomplete="off"
            value={text(key)}
            onInput={(event) => set(key, event.currentTarget.value)}
          />
          {suggests?.(`${id}-list`)}
        </>
      )}
    </Labelled>
  );
  const moment = (key: string, hint: string) => (
    <Labelled label={label(key)} hint={`${hint}; ${utc ? "UTC" : "your local time"}`} onFocus={tell(key)}>
      {(id) => (
        <input
          id={id}
          type="datetime-local"
          step={1}
          value={momentOf(draft[key], utc)}
          onInput={(event) => set(key, readFieldTime(event.currentTarget.value, utc) || null)}
        />
      )}
    </Labelled>
  );
  const pairs = (key: string, hint: string) => (
    <Pairs
      label={label(key)}
      hint={hint}
      pairs={pairsOf(draft[key])}
      onChange={(next) => set(key, objectOf(next))}
      onFocus={tell(key)}
    />
  );
  return (
    <div class="fields">
      {isNew && field("name", "lower-case letters, digits, - and _", true)}
      {field("displayname", "for people")}
      <div>
        {field("schedule", "six fields, seconds first, or @daily")}
        <p class="presets">
          {PRESETS.map(([schedule, words]) => (
            <button key={schedule} type="button" class="quiet" onClick={() => set("schedule", schedule)}>
              {words}
            </button>
          ))}
        </p>
      </div>
      {field("timezone", "such as Europe/Madrid; empty: UTC", false, (id) => (
        <datalist id={id}>
          {zones().map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      ))}
      {field("parent_job", "a job whose success starts this one", false, (id) => (
        <JobNames id={id} text={text("parent_job")} />
      ))}
      <Concurrency {...{ draft, set, tell }} />
      <Labelled label={label("retries")} hint="after a failure" onFocus={tell("retries")}>
        {(id) => (
          <input
            id={id}
            type="number"
            min={0}
            value={Number(draft.retries ?? 0)}
            onInput={(event) => set("retries", Number(event.currentTarget.value) || 0)}
          />
        )}
      </Labelled>
      <Executor
        executor={text("executor") || "shell"}
        config={pairsOf(draft.executor_config)}
        known={described.data?.executors}
        onFocus={tell("executor")}
        onChange={(executor, config) => {
          set("executor", executor);
          set("executor_config", objectOf(config));
        }}
      />
      {pairs("tags", "of the nodes that run it")}
      {pairs("metadata", "free pairs, to find it by")}
      {field("owner")}
      {field("owner_email")}
      {moment("starts_at", "no run before")}
      {moment("expires_at", "no run after")}
      {(["disabled", "ephemeral"] as const).map((key) => (
        <label key={key} class="check" onFocusIn={tell(key)}>
          <input
            type="checkbox"
            checked={draft[key] === true}
            onChange={(event) => set(key, event.currentTarget.checked)}
          />
          {key === "disabled" ? "Disabled: it does not run" : "Ephemeral: it is deleted after its first success"}
        </label>
      ))}
    </div>
  );
}

/** The text of a field for a time; nothing for one that is no time. */
function momentOf(value: unknown, utc: boolean): string {
  const at = instant(typeof value === "string" ? value : "");
  return at === undefined ? "" : fieldTime(at, utc);
}
