// A job as a form, as JSON or as YAML, with what would change and the slots that its schedule would have.

import "../../style/edit.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { Refusal } from "../../api/client";
import type { Details } from "../../api/details";
import { changesOf, merged, type Path, sameDefinition } from "../../model/changes";
import { BLANK, type Draft, draftOf, parsed, unknownFields } from "../../model/draft";
import { jobPath } from "../../parts/links";
import { Panel } from "../../parts/Panel";
import { useLeaving } from "../../state/leaving";
import { tell } from "../../state/notices";
import type { Query } from "../../state/query";
import type { Right } from "../../state/session";
import { Changes, Conflict } from "./Changes";
import { About, Fields } from "./Fields";
import { Parents } from "./Parents";
import { Preview } from "./Preview";
import { create, replace, type Stored } from "./save";

interface Props {
  /** The job as it was opened; undefined for a new one. */
  opened: Stored | undefined;
  /** The job as it is; undefined if there is none, or none any more. */
  newest: Stored | undefined;
  reload: () => void;
  /** Whether the reader may do something to the job. */
  may: (right: Right) => boolean;
  /** The details of a job that is stored. */
  details?: Query<Details>;
}

type Mode = "form" | "json" | "yaml";
type Yaml = typeof import("../../model/definition");

/** A save can be repeated at will: it names the version that it changes. */
const NOT_SAVED =
  "The server does not answer: nothing is known to be saved. What you typed stays here. Save again when it is back.";

const MODES: [Mode, string][] = [
  ["form", "Form"],
  ["json", "JSON"],
  ["yaml", "YAML"],
];

export function Form({ opened, newest, reload, may, details }: Props) {
  const [base, setBase] = useState(opened);
  const [draft, setDraft] = useState<Draft>(() => (opened ? draftOf(opened.body) : BLANK));
  const [edition, setEdition] = useState(0);
  const [mode, setMode] = useState<Mode>("form");
  const [text, setText] = useState("");
  const yaml = useRef<Yaml>();
  const [trouble, setTrouble] = useState<Refusal>();
  const [saving, setSaving] = useState(false);
  const [, go] = useLocation();

  const read = mode === "json" ? parsed(text) : mode === "yaml" ? yaml.current?.readYaml(text) : undefined;
  const error = read && "error" in read ? read.error : "";
  const shown = read && "draft" in read ? read.draft : draft;
  const before = base ? draftOf(base.body) : {};
  const changes = changesOf(before, shown);
  const theirs = base && newest && !sameDefinition(newest.body, base.body) ? newest : undefined;
  const nothing = base !== undefined && newest !== undefined && changes.length === 0;
  const set = (key: string, value: unknown) => setDraft((now) => ({ ...now, [key]: value }));
  useLeaving(!saving && changes.length > 0 && (base !== undefined || changesOf(BLANK, shown).length > 0));

  const isBehind = theirs !== undefined;
  useEffect(() => {
    if (isBehind) tell("Another user has changed this job: their changes are at the end of the form.", true);
  }, [isBehind]);

  /** Go on with another draft, in the form or in the text that is shown. */
  const take = (next: Draft, as: Mode) => {
    setDraft(next);
    setEdition((number) => number + 1);
    if (as === "json") setText(JSON.stringify(next, null, 2));
    else if (as === "yaml") setText(yaml.current?.yamlOf(next) ?? "");
    setMode(as);
  };
  const show = async (as: Mode) => {
    if (as === "yaml") {
      try {
        yaml.current ??= await import("../../model/definition");
      } catch {
        tell("The part of the page that reads YAML cannot be loaded. Try again.", true);
        return;
      }
    }
    take(shown, as);
  };
  const comeTogether = (keep: (path: Path) => boolean) => {
    if (!theirs || !base) return;
    take(merged(before, shown, draftOf(theirs.body), keep), mode);
    setBase(theirs);
    setTrouble(undefined);
  };
  const takeSchedule = (schedule: string) =>
    mode === "form" ? set("schedule", schedule) : take({ ...shown, schedule }, mode);
  const submit = async (force: boolean) => {
    setSaving(true);
    setTrouble(undefined);
    try {
      const known = base && newest;
      const { name, warning } = known
        ? await replace(shown, { ...base, etag: newest.etag }, force)
        : await create(shown);
      tell(warning ? `Saved. ${warning}` : "Saved.", Boolean(warning));
      go(jobPath(name));
      return;
    } catch (reason) {
      const refusal = reason instanceof Refusal ? reason : new Refusal(0, String(reason));
      // Another user has changed the job, or deleted it.
      if ((refusal.status === 412 || refusal.status === 404) && base) reload();
      setTrouble(reason instanceof Refusal && reason.status === 0 ? new Refusal(0, NOT_SAVED) : refusal);
    }
    setSaving(false);
  };
  const ignored = unknownFields(shown);
  return (
    <form
      class="grid"
      onSubmit={(event) => {
        event.preventDefault();
        if (!theirs && !saving) void submit(false);
      }}
    >
      <Panel title="Definition" class="definition" aside={<Modes mode={mode} stuck={Boolean(error)} onChange={show} />}>
        {mode === "form" ? (
          <Fields key={edition} draft={draft} set={set} isNew={!opened} />
        ) : (
          <>
            <textarea
              class="json"
              aria-label={`The job as ${mode.toUpperCase()}`}
              spellcheck={false}
              value={text}
              aria-invalid={Boolean(error)}
              onInput={(event) => setText(event.currentTarget.value)}
            />
            {mode === "yaml" && (
              <p class="muted hint">The manifest of a DkronJob is understood as well: paste it over this text.</p>
            )}
            {error && (
              <p class="note bad" role="alert">
                {error}
              </p>
            )}
          </>
        )}
        {ignored.length > 0 && <p class="note warn">A job has no {ignored.join(", ")}: this is not saved.</p>}
        {theirs && !error && (
          <Conflict base={before} mine={shown} theirs={draftOf(theirs.body)} onDone={comeTogether} />
        )}
        {base && newest && details && !error && (
          <Parents
            job={base.body.name}
            details={details}
            changes={changes.some(({ path }) => path[0] === "parent_job")}
          />
        )}
        {base && !theirs && !error && <Changes changes={changes} />}
        {trouble && !theirs && (
          <p class="note bad" role="alert">
            {trouble.message}
          </p>
        )}
        <div class="buttons sticky">
          <button
            type="submit"
            class="primary"
            aria-disabled={saving}
            disabled={Boolean(error) || Boolean(theirs) || nothing}
          >
            {saving ? "Saving…" : opened ? "Save" : "Create"}
          </button>
          {trouble?.status === 409 && base && !theirs && may("update dkronjobs/force") && (
            <button type="button" class="danger" onClick={() => submit(true)}>
              Save all the same
            </button>
          )}
          <Link class="button" href={opened ? jobPath(opened.body.name) : "/jobs"}>
            Cancel
          </Link>
          {base && changes.length > 0 && (
            <span class="muted">
              {changes.length} {changes.length === 1 ? "change" : "changes"}
            </span>
          )}
        </div>
      </Panel>
      <Panel title="Next ten runs" class="preview">
        <Preview draft={shown} use={takeSchedule} />
      </Panel>
      {mode === "form" && <About />}
    </form>
  );
}

interface ModesProps {
  mode: Mode;
  /** Whether the text cannot be read, so that it cannot become anything else. */
  stuck: boolean;
  onChange: (mode: Mode) => void;
}

function Modes({ mode, stuck, onChange }: ModesProps) {
  return (
    <fieldset class="modes">
      <legend class="spoken">Edit as</legend>
      {MODES.map(([each, name]) => (
        <label key={each}>
          <input
            type="radio"
            name="mode"
            checked={mode === each}
            disabled={stuck && mode !== each}
            onChange={() => onChange(each)}
          />
          <span>{name}</span>
        </label>
      ))}
    </fieldset>
  );
}
