// Pause jobs: which, why, until when, and what becomes of what comes due meanwhile.

import { useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { NAMESPACE } from "../api/address";
import { Refusal } from "../api/client";
import { createPause, type PauseBody } from "../api/pauses";
import { fieldTime, readFieldTime, readLabels, readNames } from "../model/backfills";
import { pauseEnds } from "../model/pauses";
import { JobNames } from "../parts/JobNames";
import { jobPath } from "../parts/links";
import { Panel } from "../parts/Panel";
import { Empty } from "../parts/States";
import { useTitle } from "../parts/useTitle";
import { now } from "../state/clock";
import { tell } from "../state/notices";
import { pausesChanged } from "../state/pauses";
import { zone } from "../state/preferences";
import { may, whoami } from "../state/session";
import { Labelled } from "./edit/Labelled";

interface Draft {
  of: "jobs" | "selector" | "namespace" | "everything";
  jobs: string;
  labels: string;
  reason: string;
  until: string;
  whenResumed: "missedRuns" | "drop";
  by: string;
}

/** The body that the form asks for; a sentence if that cannot be meant. */
function bodyOf(draft: Draft, utc: boolean): PauseBody | string {
  const jobs = readNames(draft.jobs);
  const selector = readLabels(draft.labels);
  if (draft.of === "jobs" && !jobs.length) return "Name the jobs.";
  if (draft.of === "selector" && (!selector || !Object.keys(selector).length)) {
    return "Write labels as team=data, tier=1.";
  }
  const until = readFieldTime(draft.until, utc);
  if (until && Date.parse(until) <= Date.now()) return "The end is over, so the pause would never hold.";
  return {
    ...(draft.of === "jobs" ? { jobs } : {}),
    ...(draft.of === "selector" ? { selector } : {}),
    ...(draft.of === "everything" ? { all_namespaces: true } : {}),
    ...(until ? { until } : {}),
    ...(draft.by ? { paused_by: draft.by } : {}),
    reason: draft.reason,
    when_resumed: draft.whenResumed,
  };
}

export function NewPause() {
  useTitle("Pause jobs");
  const job = new URLSearchParams(useSearch()).get("job") ?? "";
  const utc = zone.value !== "local";
  const [, go] = useLocation();
  const [trouble, setTrouble] = useState("");
  const [saving, setSaving] = useState(false);
  const [draft, setDraft] = useState<Draft>({
    of: "jobs",
    jobs: job,
    labels: "",
    reason: "",
    until: "",
    whenResumed: "missedRuns",
    by: "",
  });
  const set = (changes: Partial<Draft>) => setDraft((before) => ({ ...before, ...changes }));
  const submit = async () => {
    const body = bodyOf(draft, utc);
    if (typeof body === "string") {
      setTrouble(body);
      return;
    }
    setSaving(true);
    setTrouble("");
    try {
      await createPause(body);
      pausesChanged();
      tell("The pause begins. What runs already goes on.");
      go(job ? jobPath(job) : "/pauses");
    } catch (reason) {
      setTrouble(reason instanceof Refusal ? reason.message : String(reason));
    }
    setSaving(false);
  };
  if (!may("create dkronpauses")) return <Empty page title="Your rights do not allow a pause here." />;
  return (
    <div class="edit">
      <header class="head">
        <div class="titles">
          <p class="crumbs">
            <Link href="/pauses">Pauses</Link>
          </p>
          <h1>Pause jobs</h1>
        </div>
      </header>
      <form
        class="grid"
        onSubmit={(event) => {
          event.preventDefault();
          if (!saving) void submit();
        }}
      >
        <Panel title="Which jobs, and why" class="definition">
          <Fields draft={draft} utc={utc} set={set} />
          {trouble && (
            <p class="note bad" role="alert">
              {trouble}
            </p>
          )}
          <div class="buttons">
            <button type="submit" class="primary" aria-disabled={saving}>
              {saving ? "Pausing…" : "Pause"}
            </button>
            <Link class="button" href={job ? jobPath(job) : "/pauses"}>
              Cancel
            </Link>
          </div>
        </Panel>
        <Panel title="Effects of a pause" class="what">
          <ul class="plain">
            <li>No slot fires, and no job starts after another.</li>
            <li>What runs goes on, with its retries.</li>
            <li>Requests for a run are refused, and say who paused and why.</li>
            <li>No job is changed. To end the pause is to resume.</li>
          </ul>
        </Panel>
      </form>
    </div>
  );
}

interface FieldsProps {
  draft: Draft;
  utc: boolean;
  set: (changes: Partial<Draft>) => void;
}

function Fields({ draft, utc, set }: FieldsProps) {
  const text = (key: "jobs" | "labels" | "reason" | "by", label: string, hint: string, required = false) => (
    <Labelled label={label} hint={hint}>
      {(id) => (
        <>
          <input
            id={id}
            list={key === "jobs" ? `${id}-list` : undefined}
            required={required}
            spellcheck={false}
            maxLength={key === "reason" || key === "by" ? 256 : undefined}
            value={draft[key]}
            onInput={(event) => set({ [key]: event.currentTarget.value })}
          />
          {key === "jobs" && <JobNames id={`${id}-list`} text={draft.jobs} />}
        </>
      )}
    </Labelled>
  );
  const isNamed = Boolean(whoami.value?.name);
  return (
    <div class="fields">
      <Labelled label="Which jobs" hint="">
        {(id) => (
          <select id={id} value={draft.of} onChange={(event) => set({ of: event.currentTarget.value as Draft["of"] })}>
            <option value="jobs">jobs by name</option>
            <option value="selector">jobs with labels</option>
            <option value="namespace">all jobs of the namespace</option>
            {!NAMESPACE && <option value="everything">all jobs of all namespaces</option>}
          </select>
        )}
      </Labelled>
      {draft.of === "jobs" && text("jobs", "Jobs", "names, with commas between them", true)}
      {draft.of === "selector" && text("labels", "Labels", "of DkronJobs, as team=data, tier=1", true)}
      {text("reason", "Reason", "required; users of the jobs see it", true)}
      <Labelled label="Until" hint={`${utc ? "UTC" : "your local time"}; empty: until it is resumed`}>
        {(id) => (
          <>
            <input
              id={id}
              type="datetime-local"
              value={draft.until}
              onInput={(event) => set({ until: event.currentTarget.value })}
            />
            <p class="presets">
              {pauseEnds(now.peek(), utc).map(([words, end]) => (
                <button key={words} type="button" class="quiet" onClick={() => set({ until: fieldTime(end, utc) })}>
                  {words}
                </button>
              ))}
            </p>
          </>
        )}
      </Labelled>
      <Labelled label="Afterwards" hint="what comes due meanwhile">
        {(id) => (
          <select
            id={id}
            value={draft.whenResumed}
            onChange={(event) => set({ whenResumed: event.currentTarget.value as Draft["whenResumed"] })}
          >
            <option value="missedRuns">are missed slots, as each job says</option>
            <option value="drop">is skipped</option>
          </select>
        )}
      </Labelled>
      {!isNamed && text("by", "Your name", "for people")}
    </div>
  );
}
