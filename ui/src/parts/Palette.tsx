// Ctrl-K: any page and any job by a few letters, without the mouse.

import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { addressOf, NAMESPACE } from "../api/address";
import { findJobs } from "../api/jobs";
import { nextTheme } from "../state/preferences";
import { useQuery } from "../state/query";
import { may } from "../state/session";
import { jobPath } from "./links";
import { useModal } from "./useModal";

export const paletteOpen = signal(false);

interface Choice {
  name: string;
  hint: string;
  act: () => void;
}

const MOST_JOBS = 12;

/** Open with Ctrl-K or Cmd-K, wherever the focus is. The page takes the keys as soon as it shows anything, and the input
 * has the focus before the browser passes on the next key. */
export function usePaletteKey(): void {
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        paletteOpen.value = !paletteOpen.value;
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

export function Palette() {
  return paletteOpen.value ? <Opened /> : null;
}

function Opened() {
  const dialog = useModal();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const [, go] = useLocation();
  const close = () => (paletteOpen.value = false);
  const jobs = useQuery(text ? `palette ${text}` : null, async (signal) => ({
    of: text,
    found: await findJobs(text, MOST_JOBS, signal),
  }));
  const choices: Choice[] = [
    ...(text && !jobs.error ? (jobs.data?.found ?? []) : []).map((job) => ({
      name: job.name,
      hint: job.displayname || job.schedule || "job",
      act: () => go(jobPath(job.name)),
    })),
    ...actions(go, text),
  ];
  const at = Math.min(chosen, choices.length - 1);
  const choose = (index: number) => {
    close();
    choices[index]?.act();
  };
  // Enter may come before the jobs of this text do, and must not open one of the text before.
  const [isEntered, setEntered] = useState(false);
  const isAnswered = !text || jobs.data?.of === text || jobs.error !== undefined;
  useEffect(() => {
    if (isEntered && isAnswered) choose(at);
  });
  const press = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setChosen((at + step + choices.length) % Math.max(1, choices.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      setEntered(true);
    }
  };
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label="Find a page or a job"
      onClose={close}
      onClick={(event) => event.target === dialog.current && close()}
    >
      <input
        type="search"
        role="combobox"
        aria-expanded="true"
        aria-controls="choices"
        aria-activedescendant={at >= 0 ? `choice-${at}` : undefined}
        aria-label="Name of a job, or a page"
        placeholder="A job, or a page"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
          setEntered(false);
        }}
        onKeyDown={press}
      />
      <div id="choices" role="listbox" aria-label="Found">
        {choices.map((choice, index) => (
          <div
            key={`${index} ${choice.name}`}
            id={`choice-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={() => choose(index)}
            onKeyDown={press}
          >
            <span>{choice.name}</span>
            <span class="muted">{choice.hint}</span>
          </div>
        ))}
      </div>
      {choices.length === 0 && <p class="muted">Nothing has this in its name, title, owner, labels or command.</p>}
    </dialog>
  );
}

function actions(go: (to: string) => void, text: string): Choice[] {
  const pages: Choice[] = [
    { name: "Overview", hint: "page", act: () => go("/") },
    { name: "Jobs", hint: "page", act: () => go("/jobs") },
    { name: "Failing jobs", hint: "page", act: () => go("/jobs?state=failing") },
    { name: "Runs", hint: "what ran, and when", act: () => go("/runs") },
    { name: "Chains", hint: "jobs after jobs", act: () => go("/chains") },
    { name: "Busy", hint: "what runs", act: () => go("/busy") },
    ...(may("list dkronbackfills") ? [{ name: "Backfills", hint: "page", act: () => go("/backfills") }] : []),
    ...(may("list dkronpauses") ? [{ name: "Pauses", hint: "page", act: () => go("/pauses") }] : []),
    ...(may("create dkronbackfills")
      ? [{ name: "New backfill", hint: "action", act: () => go("/backfills/new") }]
      : []),
    ...(may("create dkronpauses") ? [{ name: "Pause jobs", hint: "action", act: () => go("/pauses/new") }] : []),
    { name: "Cluster", hint: "leader, members, pause", act: () => go("/cluster") },
    ...(may("create dkronjobs") ? [{ name: "New job", hint: "action", act: () => go("/new") }] : []),
    { name: "Change the theme", hint: "action", act: nextTheme },
  ];
  const found = pages.filter((each) => each.name.toLowerCase().includes(text.toLowerCase()));
  const namespace = /^ns[ /]([a-z0-9]([-a-z0-9]*[a-z0-9])?)$/.exec(text.toLowerCase())?.[1];
  if (namespace) found.unshift(toNamespace(namespace));
  else if (NAMESPACE && "own namespace".includes(text.toLowerCase())) found.push(toNamespace(""));
  return found;
}

function toNamespace(name: string): Choice {
  const act = () => location.assign(addressOf(name));
  return { name: name ? `Namespace ${name}` : "Own namespace of the API", hint: "switch", act };
}
