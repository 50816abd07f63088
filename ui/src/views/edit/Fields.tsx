// The fields of a job, with the descriptions of the custom resource.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { api, ask, type JobFields } from "../../api/client";
import { Panel } from "../../parts/Panel";
import { useQuery } from "../../state/query";
import { type Draft, objectOf, pairsOf } from "../../text/draft";
import { Executor } from "./Executor";
import { Labelled } from "./Labelled";
import { Pairs } from "./Pairs";

/** The field that has the focus, and its name for people. */
const about = signal<{ key: string; name: string } | undefined>(undefined);
/** What the server says of each field. */
const texts = signal<JobFields["fields"]>({});

/** What a field is, while it has the focus. */
export function About() {
  const { key = "", name } = about.value ?? {};
  const text = texts.value[key];
  if (!text) return null;
  return (
    <Panel title="About this field" class="about">
      <p>
        <b>{name}:</b> {text}
      </p>
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
  const tell = (key: string, label: string) => () => {
    about.value = { key, name: label };
  };
  const field = (key: string, label: string, hint = "", required = false) => (
    <Labelled label={label} hint={hint} onFocus={tell(key, label)}>
      {(id) => (
        <input
          id={id}
          required={required}
          spellcheck={false}
          value={text(key)}
          onInput={(event) => set(key, event.currentTarget.value)}
        />
      )}
    </Labelled>
  );
  const moment = (key: string, label: string, hint: string) => (
    <Labelled label={label} hint={hint} onFocus={tell(key, label)}>
      {(id) => (
        <input
          id={id}
          spellcheck={false}
          placeholder="2026-12-01T00:00:00Z"
          value={text(key)}
          onInput={(event) => set(key, event.currentTarget.value || null)}
        />
      )}
    </Labelled>
  );
  const pairs = (key: string, label: string, hint: string) => (
    <Pairs
      label={label}
      hint={hint}
      pairs={pairsOf(draft[key])}
      onChange={(next) => set(key, objectOf(next))}
      onFocus={tell(key, label)}
    />
  );
  return (
    <div class="fields">
      {isNew && field("name", "Name", "lower-case letters, digits, - and _", true)}
      {field("displayname", "Title", "for people")}
      {field("schedule", "Schedule", "six fields, seconds first, or @daily")}
      {field("timezone", "Time zone", "as Europe/Madrid; empty means UTC")}
      {field("parent_job", "Runs after", "a job whose success starts this one")}
      <Labelled label="While it runs" hint="what a further slot does" onFocus={tell("concurrency", "While it runs")}>
        {(id) => (
          <select
            id={id}
            value={text("concurrency") || "allow"}
            onChange={(event) => set("concurrency", event.currentTarget.value)}
          >
            <option value="allow">allow: it runs as well</option>
            <option value="forbid">forbid: the slot is skipped</option>
            <option value="replace">replace: the running one is stopped</option>
          </select>
        )}
      </Labelled>
      <Labelled label="Retries" hint="after a failure" onFocus={tell("retries", "Retries")}>
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
        onFocus={tell("executor", "Executor")}
        onChange={(executor, config) => {
          set("executor", executor);
          set("executor_config", objectOf(config));
        }}
      />
      {pairs("tags", "Tags", "of the nodes that run it")}
      {pairs("metadata", "Metadata", "free pairs, to find it by")}
      {field("owner", "Owner")}
      {field("owner_email", "Owner's address")}
      {moment("starts_at", "Starts at", "no run before")}
      {moment("expires_at", "Expires at", "no run after")}
      {(["disabled", "ephemeral"] as const).map((key) => (
        <label key={key} class="check" onFocusIn={tell(key, key)}>
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
