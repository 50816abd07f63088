// The jobs that need a person: what is wrong with each, and what to do about it here.

import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import type { Summary } from "../api/client";
import { repeatOf } from "../api/jobs";
import { commandOf } from "../model/attention";
import { pauseOf } from "../model/backfills";
import type { State } from "../model/state";
import { inZone } from "../model/time";
import { now } from "../state/clock";
import { leader } from "../state/live";
import { attempt } from "../state/notices";
import { knownPauses } from "../state/pauses";
import { shownZone } from "../state/preferences";
import type { Query } from "../state/query";
import { may } from "../state/session";
import { Copy } from "./Copy";
import { executionPath, jobPath } from "./links";
import { Panel } from "./Panel";
import { StateIcon } from "./StateIcon";
import { Empty, Failure, Loading } from "./States";
import { useTallest } from "./useTallest";

type Trouble = Summary["attention"]["jobs"][number];

const ICONS: Record<Trouble["kind"], State> = {
  unseen: "waiting",
  invalid: "invalid",
  late: "waiting",
  stuck: "waiting",
  failing: "failed",
  stale: "partially_failed",
  degraded: "partially_failed",
  long: "running",
};

/** Kinds that an edit of the job may fix, and kinds of which another run tells more. */
const FIXED_BY_AN_EDIT: readonly Trouble["kind"][] = ["invalid", "failing", "degraded", "stale"];
const REPEATED: readonly Trouble["kind"][] = ["failing", "stale"];

export function Attention({ summary }: { summary: Query<Summary> }) {
  const { data } = summary;
  const pauses = knownPauses();
  const box = useTallest<HTMLDivElement>();
  const noLeader = (leader.value ?? data?.leader) === "";
  const jobs = data?.attention.jobs ?? [];
  const more = (data?.attention.total ?? 0) - jobs.length;
  return (
    <Panel title="Needs a person" class="attention" aside={more > 0 && `${more} more`}>
      <Failure query={summary} />
      {noLeader && (
        <p class="note bad">
          No replica of the operator leads, so no job starts. Look at its pods and their log;{" "}
          <Link href="/cluster">cluster</Link>.
        </p>
      )}
      {data?.paused && (
        <p class="note warn">
          The installation is paused: it accepts no new and no changed jobs. <Link href="/cluster">End the pause</Link>.
        </p>
      )}
      <div ref={box}>
        {!data && !summary.error && <Loading />}
        {data && jobs.length === 0 && !noLeader && !data.paused && <Empty title="Nothing: every job is in order." />}
        <ul class="troubles">
          {jobs.map((each) => (
            <Row key={`${each.job} ${each.kind}`} of={each} isPaused={pauseOf(each.job, pauses) !== undefined} />
          ))}
        </ul>
      </div>
    </Panel>
  );
}

function Row({ of, isPaused }: { of: Trouble; isPaused: boolean }) {
  const command = commandOf(of.remedy);
  return (
    <li>
      <StateIcon state={ICONS[of.kind]} />
      <Link href={jobPath(of.job)} class="name">
        {of.job}
      </Link>
      <div class="trouble">
        <p class="sentence">
          {inZone(of.why, now.peek(), shownZone())} {!command && <span class="muted">{of.remedy}</span>}
        </p>
        {of.output && <p class="mono last-line">{of.output}</p>}
        <Remedies of={of} command={command} isPaused={isPaused} />
      </div>
    </li>
  );
}

interface RemediesProps {
  of: Trouble;
  command: string;
  /** A pause refuses runs on request. */
  isPaused: boolean;
}

function Remedies({ of: { job, kind, execution }, command, isPaused }: RemediesProps) {
  const [asking, setAsking] = useState(false);
  const verb = execution ? "Run again" : "Run now";
  const run = async () => {
    if (asking) return;
    setAsking(true);
    await attempt(() => repeatOf(job, execution), `${job} is asked to run again.`);
    setAsking(false);
  };
  return (
    <div class="remedies">
      {execution && (
        <Link class="button quiet" href={executionPath(job, execution)} aria-label={`Open the log of ${job}`}>
          Open the log
        </Link>
      )}
      {REPEATED.includes(kind) && !isPaused && may("create dkronjobs/run") && (
        <button type="button" class="quiet" aria-disabled={asking} aria-label={`${verb} ${job}`} onClick={run}>
          {verb}
        </button>
      )}
      {FIXED_BY_AN_EDIT.includes(kind) && may("update dkronjobs") && (
        <Link class="button quiet" href={`${jobPath(job)}/edit`} aria-label={`Edit ${job}`}>
          Edit
        </Link>
      )}
      {REPEATED.includes(kind) && !isPaused && may("create dkronpauses") && (
        <Link class="button quiet" href={`/pauses/new?job=${encodeURIComponent(job)}`} aria-label={`Pause ${job}`}>
          Pause
        </Link>
      )}
      {command && (
        <span title={command}>
          <Copy text={command} label="Copy the command" />
        </span>
      )}
    </div>
  );
}
