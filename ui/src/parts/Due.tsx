// When a job runs: its schedule in words, the slots to come, and what a change of the clocks does to them.

import { Link } from "wouter-preact";
import type { Job } from "../api/client";
import { type Details, pausedBy } from "../api/details";
import { OUTCOMES } from "../model/parents";
import { poolsInWords, queueInWords } from "../model/queue";
import { instant, offsetsDiffer, onSeveralDays, zoneInWords } from "../model/time";
import { shownZone, zone } from "../state/preferences";
import { jobPath } from "./links";
import { Facts } from "./Panel";
import { Countdown, When } from "./Time";

export interface Upcoming {
  readonly next: readonly string[];
  readonly words: string;
  readonly clock_changes: readonly string[];
}

const SHOWN = 10;

interface Props {
  job: Job;
  upcoming: Upcoming | undefined;
  details: Details | undefined;
}

export function Due({ job, upcoming, details }: Props) {
  const next = upcoming?.next ?? [];
  const paused = pausedBy(details);
  // Two zones are in play: the schedule's, and the one that times are shown in.
  const differs =
    next.length > 0 && offsetsDiffer(Date.parse(next[0] ?? ""), shownZone(job.timezone), job.timezone || "UTC");
  const hasDays = onSeveralDays(next.slice(0, SHOWN).map(instant), shownZone(job.timezone));
  const parents = details?.chain.find((each) => each.name === job.name)?.parents ?? [];
  return (
    <>
      {upcoming?.words && <p class="in-words sentence">{upcoming.words}</p>}
      <Facts
        rows={[
          [
            "Next",
            <Countdown
              key="n"
              at={paused ? null : job.next}
              jobZone={job.timezone}
              never={whyNever(job, paused !== "")}
            />,
          ],
          ["Schedule", job.schedule && <code>{job.schedule}</code>],
          ["Zone", job.timezone || (instant(job.next) === undefined ? "" : "UTC")],
          ["Not before", job.starts_at && <When key="s" at={job.starts_at} jobZone={job.timezone} />],
          ["Not after", job.expires_at && <When key="e" at={job.expires_at} jobZone={job.timezone} />],
          [
            "Runs after",
            parents.length ? (
              <Links jobs={parents.map((each) => ({ job: each.job, words: OUTCOMES[each.when] }))} />
            ) : (
              ""
            ),
          ],
          [
            "Then run",
            job.dependent_jobs?.length ? <Links jobs={job.dependent_jobs.map((each) => ({ job: each }))} /> : "",
          ],
          [
            "While it runs",
            job.queue
              ? queueInWords(job.queue)
              : { allow: "", "": "", forbid: "a slot is skipped", replace: "a slot replaces it" }[job.concurrency],
          ],
          ["Pools", poolsInWords(details?.manifest)],
          ["Retries", job.retries || ""],
        ]}
      />
      {next.length > 0 && (
        <>
          <h3>
            Coming slots
            {differs && <span class="muted"> in {zoneInWords(zone.value, job.timezone)}</span>}
            {paused ? ", which the pause holds" : job.problem ? ", once it can run" : ""}
          </h3>
          <ol class="slots">
            {next.slice(0, SHOWN).map((slot) => (
              <li key={slot}>
                <When at={slot} jobZone={job.timezone} dated={hasDays} />
              </li>
            ))}
          </ol>
        </>
      )}
      {upcoming?.clock_changes.map((sentence) => (
        <p key={sentence} class="note">
          {sentence}.
        </p>
      ))}
    </>
  );
}

/** Why a job has no slot to come. */
export function whyNever(job: Pick<Job, "disabled" | "parent_job" | "problem">, isPaused: boolean): string {
  if (job.disabled) return "never: the job is disabled";
  if (job.problem) return "not before this is fixed";
  if (isPaused) return "not while the job is paused";
  if (job.parent_job) return `whenever ${job.parent_job} has succeeded`;
  return "only on request";
}

function Links({ jobs }: { jobs: readonly { job: string; words?: string }[] }) {
  return (
    <>
      {jobs.map(({ job, words = "" }, index) => (
        <span key={job}>
          {index > 0 && ", "}
          <Link href={jobPath(job)}>{job}</Link>
          {words}
        </span>
      ))}
    </>
  );
}
