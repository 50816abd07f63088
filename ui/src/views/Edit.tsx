// A job as a form, or as JSON, with the slots that its schedule would have.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { api, ask, askJob, type Job, type JobBody, Refusal } from "../api/client";
import { jobPath } from "../parts/links";
import { Panel } from "../parts/Panel";
import { Empty, Failure, Loading } from "../parts/States";
import { When } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { tell } from "../state/notices";
import { useQuery } from "../state/query";
import { useRights } from "../state/rights";
import { BLANK, type Draft, draftOf, objectOf, pairsOf, parsed, sameDefinition } from "../text/draft";

const UPCOMING = 10;
/** Milliseconds after the last key before a schedule is tried. */
const TYPED = 350;
/** Times that a save is repeated because a run has changed the job meanwhile. */
const AGAIN = 5;

export function Edit({ name }: { name: string | undefined }) {
  useTitle(name ? `Edit ${name}` : "New job");
  const job = useQuery(name ? `edit ${name}` : null, (signal) => read(name ?? "", signal));
  if (job.error?.status === 404) return <Empty page title={`There is no job ${name}.`} />;
  return (
    <div class="edit">
      <header class="head">
        <div class="titles">
          <p class="crumbs">
            <Link href="/jobs">Jobs</Link>
            {name && (
              <>
                {" / "}
                <Link href={jobPath(name)}>{name}</Link>
              </>
            )}
          </p>
          <h1>{name ? `Edit ${name}` : "New job"}</h1>
        </div>
      </header>
      <Failure query={job} />
      {name && !job.data && job.loading && <Loading rows={8} />}
      {name && job.data && <Form stored={job.data} />}
      {!name && <Form stored={undefined} />}
    </div>
  );
}

interface Stored {
  body: Job;
  etag: string;
}

async function read(name: string, signal?: AbortSignal): Promise<Stored> {
  const request = api.GET("/v1/jobs/{job_name}", { params: { path: { job_name: name } }, signal });
  return { body: await askJob(request), etag: (await request).response.headers.get("ETag") ?? "" };
}

function Form({ stored }: { stored: Stored | undefined }) {
  const [draft, setDraft] = useState<Draft>(() => (stored ? draftOf(stored.body) : BLANK));
  const [json, setJson] = useState<string | undefined>(undefined);
  const [trouble, setTrouble] = useState<Refusal | undefined>(undefined);
  const [saving, setSaving] = useState(false);
  const [, go] = useLocation();
  const may = useRights(stored?.body.name ?? "");
  const fromJson = json === undefined ? undefined : parsed(json);
  const error = fromJson && "error" in fromJson ? fromJson.error : "";
  const shown = fromJson && "draft" in fromJson ? fromJson.draft : draft;
  const set = (key: string, value: unknown) => setDraft((before) => ({ ...before, [key]: value }));
  const submit = async (force: boolean) => {
    setSaving(true);
    setTrouble(undefined);
    try {
      const { name, warning } = await save(shown, stored, force);
      tell(warning ? `Saved. ${warning}` : "Saved.", Boolean(warning));
      go(jobPath(name));
    } catch (reason) {
      setTrouble(reason instanceof Refusal ? reason : new Refusal(0, String(reason)));
    }
    setSaving(false);
  };
  return (
    <form
      class="grid"
      onSubmit={(event) => {
        event.preventDefault();
        void submit(false);
      }}
    >
      <Panel
        title={json === undefined ? "Definition" : "Definition as JSON"}
        class="definition"
        aside={
          <button
            type="button"
            class="quiet"
            disabled={Boolean(error)}
            onClick={() => {
              if (json === undefined) setJson(JSON.stringify(draft, null, 2));
              else {
                setDraft(shown);
                setJson(undefined);
              }
            }}
          >
            {json === undefined ? "As JSON" : "As a form"}
          </button>
        }
      >
        {json === undefined ? (
          <Fields draft={draft} set={set} isNew={!stored} />
        ) : (
          <>
            <textarea
              class="json"
              aria-label="The job as JSON"
              spellcheck={false}
              value={json}
              aria-invalid={Boolean(error)}
              onInput={(event) => setJson(event.currentTarget.value)}
            />
            {error && (
              <p class="note bad" role="alert">
                {error}
              </p>
            )}
          </>
        )}
        {trouble && (
          <p class="note bad" role="alert">
            {trouble.message}
          </p>
        )}
        <div class="buttons">
          <button type="submit" class="primary" disabled={saving || Boolean(error)}>
            {saving ? "Saving…" : stored ? "Save" : "Create"}
          </button>
          {trouble?.status === 409 && stored && may("update dkronjobs/force") && (
            <button type="button" class="danger" onClick={() => submit(true)}>
              Save all the same
            </button>
          )}
          <Link class="button" href={stored ? jobPath(stored.body.name) : "/jobs"}>
            Cancel
          </Link>
        </div>
      </Panel>
      <Panel title="Next ten runs" class="preview">
        <Preview draft={shown} />
      </Panel>
    </form>
  );
}

/** Store the job, unless another user has changed its definition meanwhile. Returns its name, and a warning if any. */
async function save(
  draft: Draft,
  stored: Stored | undefined,
  force: boolean,
): Promise<{ name: string; warning: string }> {
  const body = draft as JobBody;
  const query = force ? { force: true } : {};
  if (!stored) {
    const created = api.POST("/v1/jobs", { params: { header: { "If-None-Match": "*" } }, body });
    return { name: (await askJob(created)).name, warning: await warningOf(created) };
  }
  const { name } = stored.body;
  let { etag } = stored;
  for (let tries = 0; ; tries++) {
    const params = { path: { job_name: name }, header: { "If-Match": etag }, query };
    const replaced = api.PUT("/v1/jobs/{job_name}", { params, body });
    try {
      await ask(replaced);
      return { name, warning: await warningOf(replaced) };
    } catch (error) {
      if (!(error instanceof Refusal && error.status === 412) || tries === AGAIN) throw error;
    }
    // The operator writes counters of the job, which makes it another version of the same definition.
    const newest = await read(name);
    if (!sameDefinition(newest.body, stored.body)) {
      throw new Refusal(412, "Another user has changed this job meanwhile. Copy what you need, and open it again.");
    }
    etag = newest.etag;
  }
}

async function warningOf(request: Promise<{ response: Response }>): Promise<string> {
  const header = (await request).response.headers.get("Warning") ?? "";
  return /"(.*)"/s.exec(header)?.[1]?.replace(/\\(.)/g, "$1") ?? "";
}

interface FieldsProps {
  draft: Draft;
  set: (key: string, value: unknown) => void;
  isNew: boolean;
}

const EXECUTORS = ["shell", "http", "grpc", "kafka", "nats", "rabbitmq", "gcppubsub", "docker", "kubernetes"];

function Fields({ draft, set, isNew }: FieldsProps) {
  const text = (key: string) => String(draft[key] ?? "");
  const field = (key: string, label: string, hint = "", required = false) => (
    <Labelled label={label} hint={hint}>
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
  const config = pairsOf(draft.executor_config);
  const command = config.find(([key]) => key === "command");
  const isShell = (text("executor") || "shell") === "shell";
  return (
    <div class="fields">
      {isNew && field("name", "Name", "lower-case letters, digits, - and _", true)}
      {field("displayname", "Title", "for people")}
      {field("schedule", "Schedule", "six fields, seconds first, or @daily")}
      {field("timezone", "Time zone", "as Europe/Madrid; empty means UTC")}
      {field("parent_job", "Runs after", "a job whose success starts this one")}
      <Labelled label="While it runs" hint="what a further slot does">
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
      <Labelled label="Retries" hint="after a failure">
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
      <Labelled label="Executor" hint="what runs it">
        {(id) => (
          <select
            id={id}
            value={text("executor") || "shell"}
            onChange={(event) => set("executor", event.currentTarget.value)}
          >
            {EXECUTORS.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        )}
      </Labelled>
      {isShell && (
        <Labelled label="Command" hint="" wide>
          {(id) => (
            <textarea
              id={id}
              rows={4}
              spellcheck={false}
              value={command?.[1] ?? ""}
              onInput={(event) =>
                set("executor_config", { ...(draft.executor_config as object), command: event.currentTarget.value })
              }
            />
          )}
        </Labelled>
      )}
      <Pairs
        label="Executor settings"
        pairs={isShell ? config.filter(([key]) => key !== "command") : config}
        onChange={(pairs) => set("executor_config", objectOf(isShell && command ? [command, ...pairs] : pairs))}
      />
      <Pairs label="Tags" pairs={pairsOf(draft.tags)} onChange={(pairs) => set("tags", objectOf(pairs))} />
      <Pairs label="Metadata" pairs={pairsOf(draft.metadata)} onChange={(pairs) => set("metadata", objectOf(pairs))} />
      {field("owner", "Owner")}
      {field("owner_email", "Owner's address")}
      {(["disabled", "ephemeral"] as const).map((key) => (
        <label key={key} class="check">
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

interface LabelledProps {
  label: string;
  hint: string;
  wide?: boolean;
  children: (id: string) => ComponentChildren;
}

export function Labelled({ label, hint, wide = false, children }: LabelledProps) {
  const id = useId();
  return (
    <div class={wide ? "field wide-field" : "field"}>
      <label for={id}>
        {label} {hint && <span class="muted">{hint}</span>}
      </label>
      {children(id)}
    </div>
  );
}

interface PairsProps {
  label: string;
  pairs: [string, string][];
  onChange: (pairs: [string, string][]) => void;
}

/** Rows of a name and a value. The last row is empty: what is typed there becomes a new pair. */
export function Pairs({ label, pairs, onChange }: PairsProps) {
  const [rows, setRows] = useState<[string, string][]>([...pairs, ["", ""]]);
  const set = (index: number, row: [string, string]) => {
    const next = rows.map((each, at) => (at === index ? row : each));
    if (index === rows.length - 1 && (row[0] || row[1])) next.push(["", ""]);
    setRows(next);
    onChange(next);
  };
  return (
    <fieldset class="pairs wide-field">
      <legend>{label}</legend>
      {rows.map(([key, value], index) => (
        <div class="pair" key={index}>
          <input
            aria-label={`${label}: name ${index + 1}`}
            spellcheck={false}
            value={key}
            placeholder="name"
            onInput={(event) => set(index, [event.currentTarget.value, value])}
          />
          <input
            aria-label={`${label}: value ${index + 1}`}
            spellcheck={false}
            value={value}
            placeholder="value"
            onInput={(event) => set(index, [key, event.currentTarget.value])}
          />
        </div>
      ))}
    </fieldset>
  );
}

function Preview({ draft }: { draft: Draft }) {
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
