// Run slots of the past again: which, how, and what that comes to before anything runs.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { type Backfill, type BackfillBody, createBackfill, planOf } from "../api/backfills";
import { Refusal } from "../api/client";
import { executionsOf } from "../api/jobs";
import { extentOf, fieldTime, readFieldTime, readLabels, sameRuns } from "../model/backfills";
import { objectOf } from "../model/draft";
import { dayThatFailed, lastDays } from "../model/pauses";
import { asSentence, inFormWords } from "../model/words";
import { JobNames } from "../parts/JobNames";
import { backfillPath } from "../parts/links";
import { Facts, Panel } from "../parts/Panel";
import { Empty } from "../parts/States";
import { When } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { now } from "../state/clock";
import { tell } from "../state/notices";
import { zone } from "../state/preferences";
import { useQuery } from "../state/query";
import { may } from "../state/session";
import { Labelled } from "./edit/Labelled";
import { Pairs } from "./edit/Pairs";

const MINUTE = 60_000;
const DAY = 86_400_000;

interface Draft {
  of: "job" | "selector" | "all";
  job: string;
  labels: string;
  from: string;
  to: string;
  runs: "all" | "failed";
  order: "oldestFirst" | "newestFirst";
  parallelism: number;
  onFailure: "stop" | "continue";
  concurrency: "allow" | "forbid";
  maxRuns: number;
  reason: string;
  parameters: [string, string][];
}

/** The body that the form asks for; a sentence if that cannot be meant. */
function bodyOf(draft: Draft, utc: boolean): BackfillBody | string {
  const [from, to] = [readFieldTime(draft.from, utc), readFieldTime(draft.to, utc)];
  const selector = draft.of === "all" ? {} : readLabels(draft.labels);
  if (draft.of === "job" && !draft.job) return "Name the job.";
  if (draft.of === "selector" && (!selector || !Object.keys(selector).length)) {
    return "Write labels as team=data, tier=1.";
  }
  if (!from || !to) return "Say from when and to when.";
  if (from >= to) return "The end must be after the start.";
  const parameters = objectOf(draft.parameters) ?? {};
  return {
    ...(draft.of === "job" ? { job: draft.job } : { selector }),
    from,
    to,
    runs: draft.runs,
    order: draft.order,
    parallelism: draft.parallelism,
    on_failure: draft.onFailure,
    concurrency: draft.concurrency,
    max_runs: draft.maxRuns,
    ...(draft.reason ? { reason: draft.reason } : {}),
    ...(Object.keys(parameters).length ? { parameters } : {}),
  };
}

export function NewBackfill() {
  useTitle("New backfill");
  const asked = new URLSearchParams(useSearch());
  const job = asked.get("job") ?? "";
  // A day of the calendar of a job, in UTC.
  const day = Date.parse(asked.get("day") ?? "");
  const utc = zone.value !== "local";
  const [draft, setDraft] = useState<Draft>(() => ({
    of: "job",
    job,
    labels: "",
    from: fieldTime(Number.isNaN(day) ? minuteOf(Date.now()) - DAY : day, utc),
    to: fieldTime(Number.isNaN(day) ? minuteOf(Date.now()) : Math.min(minuteOf(Date.now()), day + DAY), utc),
    runs: "all",
    order: "oldestFirst",
    parallelism: 1,
    onFailure: "stop",
    concurrency: "allow",
    maxRuns: 1000,
    reason: "",
    parameters: [],
  }));
  const begin = useRef(draft.from);
  const isAllowed = may("create dkronbackfills");
  const failed = useDayThatFailed(isAllowed && Number.isNaN(day) ? job : "", utc);
  useEffect(() => {
    if (!failed) return;
    const [from, to] = failed.map((at) => fieldTime(at, utc));
    // A reader who was faster has another day in mind.
    setDraft((before) => (before.from === begin.current ? { ...before, from: from ?? "", to: to ?? "" } : before));
  }, [failed, utc]);
  if (!isAllowed) return <Empty page title="Your rights do not allow a backfill here." />;
  return (
    <div class="edit">
      <header class="head">
        <div class="titles">
          <p class="crumbs">
            <Link href="/backfills">Backfills</Link>
          </p>
          <h1>New backfill</h1>
        </div>
      </header>
      <Form draft={draft} utc={utc} set={(changes) => setDraft((before) => ({ ...before, ...changes }))} />
    </div>
  );
}

function minuteOf(at: number): number {
  return Math.floor(at / MINUTE) * MINUTE;
}

/** The day of the newest failed run of a job, once it is known. */
function useDayThatFailed(job: string, utc: boolean): [number, number] | undefined {
  const { data } = useQuery(job ? `failed ${job}` : null, (signal) => executionsOf(job, 0, signal));
  return useMemo(() => data && dayThatFailed(data, now.peek(), utc), [data, utc]);
}

interface FormProps {
  draft: Draft;
  utc: boolean;
  set: (changes: Partial<Draft>) => void;
}

/** A plan, what it is of, and the name that its backfill gets: a second click cannot create a second one. */
interface Planned {
  body: BackfillBody;
  name: string;
  plan: Backfill;
}

function Form({ draft, utc, set }: FormProps) {
  const [planned, setPlanned] = useState<Planned>();
  const [trouble, setTrouble] = useState("");
  const [doing, setDoing] = useState<"" | "plan" | "create">("");
  const [, go] = useLocation();
  const control = useRef<AbortController>();
  useEffect(() => () => control.current?.abort(), []);
  const body = bodyOf(draft, utc);
  const current = typeof body !== "string" && sameRuns(planned?.body, body) ? planned : undefined;
  const act = async (what: "plan" | "create", action: () => Promise<void>) => {
    if (doing) return;
    setDoing(what);
    setTrouble("");
    try {
      await action();
    } catch (reason) {
      setTrouble(reason instanceof Refusal ? reason.message : String(reason));
    }
    setDoing("");
  };
  const count = () =>
    act("plan", async () => {
      if (typeof body === "string") throw new Refusal(0, body);
      control.current?.abort();
      control.current = new AbortController();
      const plan = await planOf(body, control.current.signal);
      if (!plan) {
        throw new Refusal(0, "No operator has counted the slots within 30 s. Cluster says whether a replica leads.");
      }
      setPlanned({ body, name: nameFor(draft), plan });
    });
  const create = ({ body: asked, name }: Planned) =>
    act("create", async () => {
      await createBackfill({ ...asked, name });
      tell(`${name} is created.`);
      go(backfillPath(name));
    });
  return (
    <form
      class="grid"
      onSubmit={(event) => {
        event.preventDefault();
        void count();
      }}
    >
      <Panel title="Which slots, and how" class="definition">
        <Fields draft={draft} utc={utc} set={set} />
        <div class="buttons">
          <button type="submit" class={current ? "" : "primary"} aria-disabled={doing !== ""}>
            {doing === "plan" ? "Counting…" : "Count the slots"}
          </button>
          <Link class="button" href="/backfills">
            Cancel
          </Link>
        </div>
      </Panel>
      <Panel title="What would run" class="plan">
        <div role="status">
          {trouble && <p class="note bad">{asSentence(inFormWords(trouble))}</p>}
          {!trouble && !current && (
            <p class="muted">
              {doing === "plan"
                ? "The operator counts the slots. Nothing runs."
                : "Count the slots first: the operator says how many there are. Nothing runs by that."}
            </p>
          )}
          {current && <Plan plan={current.plan} />}
        </div>
        {current && (current.plan.status.plan?.count ?? 0) > 0 && (
          <button type="button" class="primary after" aria-disabled={doing !== ""} onClick={() => create(current)}>
            Run {extentOf(current.plan.status.plan ?? { count: 0, jobs: 0 })}
          </button>
        )}
      </Panel>
    </form>
  );
}

function Plan({ plan: { state, status } }: { plan: Backfill }) {
  if (state === "refused" || !status.plan) return <p class="note bad">{asSentence(inFormWords(status.message))}</p>;
  if (!status.plan.count) return <p>There is no such slot in the period.</p>;
  return (
    <Facts
      rows={[
        ["Slots", status.plan.count],
        ["Jobs", status.plan.jobs],
        ["First", <When key="f" at={status.plan.first} />],
        ["Last", <When key="l" at={status.plan.last} />],
      ]}
    />
  );
}

function nameFor({ of, job }: Draft): string {
  const stem =
    of === "job"
      ? job
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, "-")
          .replace(/^-+|-+$/g, "")
      : "jobs";
  const salt = Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, "0"));
  return `${stem.slice(0, 40).replace(/-+$/, "") || "job"}-${salt.join("")}`;
}

function Fields({ draft, utc, set }: FormProps) {
  const hint = utc ? "UTC" : "your local time";
  const time = (key: "from" | "to", label: string, more: string) => (
    <Labelled label={label} hint={`${hint}; ${more}`}>
      {(id) => (
        <input
          id={id}
          type="datetime-local"
          required
          value={draft[key]}
          onInput={(event) => set({ [key]: event.currentTarget.value })}
        />
      )}
    </Labelled>
  );
  const choice = <Key extends keyof Draft>(key: Key, label: string, about: string, options: [Draft[Key], string][]) => (
    <Labelled label={label} hint={about}>
      {(id) => (
        <select
          id={id}
          value={String(draft[key])}
          onChange={(event) => set({ [key]: event.currentTarget.value } as Partial<Draft>)}
        >
          {options.map(([value, words]) => (
            <option key={String(value)} value={String(value)}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Labelled>
  );
  const number = (key: "parallelism" | "maxRuns", label: string, about: string, most: number) => (
    <Labelled label={label} hint={about}>
      {(id) => (
        <input
          id={id}
          type="number"
          min={1}
          max={most}
          value={draft[key]}
          onInput={(event) => set({ [key]: Number(event.currentTarget.value) || 1 })}
        />
      )}
    </Labelled>
  );
  const text = (key: "job" | "labels" | "reason", label: string, about: string, required = false) => (
    <Labelled label={label} hint={about}>
      {(id) => (
        <>
          <input
            id={id}
            list={key === "job" ? `${id}-list` : undefined}
            required={required}
            spellcheck={false}
            maxLength={key === "reason" ? 256 : undefined}
            value={draft[key]}
            onInput={(event) => set({ [key]: event.currentTarget.value })}
          />
          {key === "job" && <JobNames id={`${id}-list`} text={draft.job} />}
        </>
      )}
    </Labelled>
  );
  return (
    <div class="fields">
      {choice("of", "Which jobs", "", [
        ["job", "one job"],
        ["selector", "jobs with labels"],
        ["all", "all jobs of the namespace"],
      ])}
      {draft.of === "job" && text("job", "Job", "its name", true)}
      {draft.of === "selector" && text("labels", "Labels", "of DkronJobs, as team=data, tier=1", true)}
      {time("from", "From", "this moment included")}
      {time("to", "To", "this moment not included")}
      <p class="presets wide-field">
        {lastDays(now.peek(), utc).map(([words, from, to]) => (
          <button
            key={words}
            type="button"
            class="quiet"
            onClick={() => set({ from: fieldTime(from, utc), to: fieldTime(to, utc) })}
          >
            {words}
          </button>
        ))}
      </p>
      {choice("runs", "Slots", "", [
        ["all", "all of the present schedule"],
        ["failed", "those whose newest run failed"],
      ])}
      {choice("order", "Order", "", [
        ["oldestFirst", "the oldest first"],
        ["newestFirst", "the newest first"],
      ])}
      {number("parallelism", "Runs at the same time", "over all jobs", 64)}
      {choice("onFailure", "After a failure", "with its retries", [
        ["stop", "no further slot begins"],
        ["continue", "the others run"],
      ])}
      {choice("concurrency", "If the job runs already", "by its schedule or on request", [
        ["allow", "the slot runs beside it"],
        ["forbid", "the slot waits for that run"],
      ])}
      {number("maxRuns", "Limit", "a period with more slots is refused", 10_000)}
      {text("reason", "Reason", "for people")}
      <Pairs label="Parameters" pairs={draft.parameters} onChange={(parameters) => set({ parameters })} />
    </div>
  );
}
