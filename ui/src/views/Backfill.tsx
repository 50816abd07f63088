// One backfill: how far it has got, and what became of each slot.

import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { type BackfillSlot, type Backfill as Body, listSlots, showBackfill } from "../api/backfills";
import { BACKFILL_ICONS, extentOf, isUnderWay, jobsOf, SLOT_ICONS } from "../model/backfills";
import { duration, instant } from "../model/time";
import { asSentence, inFormWords } from "../model/words";
import { BackfillActions } from "../parts/BackfillActions";
import { backfillPath, executionPath, jobPath } from "../parts/links";
import { Pager, pageIn } from "../parts/Pager";
import { Facts, Panel } from "../parts/Panel";
import { Progress } from "../parts/Progress";
import { StateIcon } from "../parts/StateIcon";
import { Empty, Failure, Loading } from "../parts/States";
import { Table } from "../parts/Table";
import { Elapsed, When } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { useQuery } from "../state/query";

const PAGE = 50;
/** Seconds between two reads, while it is under way and else. */
const [SOON, LATER] = [2, 30];

export function Backfill({ name }: { name: string }) {
  useTitle(name);
  const [, go] = useLocation();
  const page = pageIn(useSearch());
  const [goesOn, setGoesOn] = useState(true);
  const backfill = useQuery(`backfill ${name}`, (signal) => showBackfill(name, signal), {
    every: goesOn ? SOON : LATER,
  });
  const slots = useQuery(`slots ${name} ${page}`, (signal) => listSlots(name, page * PAGE, (page + 1) * PAGE, signal));
  const { data } = backfill;
  useEffect(() => setGoesOn(!data || isUnderWay(data)), [data]);
  useReadWhen(slots.reload, data && JSON.stringify(data.status));
  if (backfill.error?.status === 404) {
    return (
      <Empty page title={`There is no backfill ${name}.`}>
        <p>
          It was cancelled, deleted after its end, or never existed. <Link href="/backfills">See all backfills</Link>
        </p>
      </Empty>
    );
  }
  return (
    <div class="backfill">
      <header class="head">
        <div class="titles">
          <p class="crumbs">
            <Link href="/backfills">Backfills</Link>
          </p>
          <h1>{name}</h1>
          {data && (
            <p class="sub">
              <StateIcon state={BACKFILL_ICONS[data.state]} word say={data.state} />
              <span>{jobsOf(data)}</span>
            </p>
          )}
        </div>
        {data && (
          <div class="buttons">
            <BackfillActions
              backfill={data}
              onChange={(next) => backfill.change(() => next)}
              onGone={() => go("/backfills")}
            />
          </div>
        )}
      </header>
      <Failure query={backfill} />
      {!data && backfill.loading && <Loading rows={6} />}
      {data?.state === "refused" && (
        <p class="note bad" role="alert">
          <strong>Nothing ran.</strong> {asSentence(inFormWords(data.status.message))}
        </p>
      )}
      {data && (
        <div class="grid">
          <Panel title="Slots" class="runs" aside={data.status.plan && <Progress backfill={data} wide />}>
            <Failure query={slots} />
            {!slots.data && slots.loading && <Loading rows={6} />}
            {slots.data && <Slots slots={slots.data.items} backfill={data} />}
            {slots.data && (
              <Pager
                page={page}
                size={PAGE}
                total={slots.data.total}
                to={(to) => `${backfillPath(name)}?page=${to + 1}`}
              />
            )}
          </Panel>
          <Panel title="What" class="what">
            <What backfill={data} />
          </Panel>
        </div>
      )}
    </div>
  );
}

/** Read something again when a value that stands for it has changed. */
function useReadWhen(reload: () => void, value: string | undefined): void {
  const before = useRef(value);
  useEffect(() => {
    const isFirst = before.current === undefined;
    if (before.current !== value && !isFirst) reload();
    before.current = value;
  }, [value, reload]);
}

function Slots({ slots, backfill }: { slots: readonly BackfillSlot[]; backfill: Body }) {
  const isOfOneJob = Boolean(backfill.job);
  if (!slots.length) {
    return (
      <Empty title={backfill.state === "planning" ? "The operator has yet to count the slots." : "No slot is listed."}>
        {backfill.state !== "refused" && <p class="muted">{backfill.status.message}</p>}
      </Empty>
    );
  }
  return (
    <Table
      caption={`Slots of ${backfill.name}, in the order in which they run`}
      columns={[
        { title: "Result" },
        { title: "Slot" },
        { title: "Job", kind: isOfOneJob ? "medium" : "" },
        { title: "Began", kind: "medium" },
        { title: "Took", kind: "number medium" },
        { title: "Attempts", kind: "number wide" },
      ]}
    >
      {slots.map((each) => (
        <SlotRow key={`${each.job} ${each.slot}`} slot={each} isOfOneJob={isOfOneJob} />
      ))}
    </Table>
  );
}

/** `isOfOneJob` is whether all slots are of this job. */
function SlotRow({ slot, isOfOneJob }: { slot: BackfillSlot; isOfOneJob: boolean }) {
  const { job, state, execution, started_at, finished_at } = slot;
  const [began, ended] = [instant(started_at), instant(finished_at)];
  const icon = <StateIcon state={SLOT_ICONS[state]} word say={state} />;
  return (
    <tr>
      <td class="nowrap">{execution ? <Link href={executionPath(job, execution)}>{icon}</Link> : icon}</td>
      <th scope="row" class="nowrap">
        <When at={slot.slot} />
        {(state === "failed" || state === "refused") && (
          <span class="sub bad clip" title={slot.message}>
            {slot.message}
          </span>
        )}
      </th>
      <td class={isOfOneJob ? "medium clip" : "clip"}>
        <Link href={jobPath(job)}>{job}</Link>
      </td>
      <td class="medium nowrap">
        <When at={started_at} />
      </td>
      <td class="number medium nowrap">
        {began !== undefined && (ended === undefined ? <Elapsed since={began} /> : duration(ended - began))}
      </td>
      <td class="number wide">{slot.attempts || ""}</td>
    </tr>
  );
}

function What({ backfill }: { backfill: Body }) {
  const { status } = backfill;
  return (
    <>
      <Facts
        rows={[
          ["Jobs", backfill.job ? <Link href={jobPath(backfill.job)}>{backfill.job}</Link> : jobsOf(backfill)],
          ["From", <When key="f" at={backfill.from} />],
          ["To", <When key="t" at={backfill.to} />],
          ["Which slots", backfill.runs === "failed" ? "those that failed" : "all"],
          ["Planned", status.plan && extentOf(status.plan)],
          ["Not begun", status.remaining || ""],
          ["At the same time", `${backfill.parallelism} ${backfill.parallelism === 1 ? "run" : "runs"}`],
          ["Order", backfill.order === "newestFirst" ? "newest first" : "oldest first"],
          ["After a failure", backfill.on_failure === "stop" ? "no further slot begins" : "the others run"],
          [
            "If the job runs already",
            backfill.concurrency === "forbid" ? "the slot waits for that run" : "the slot runs beside it",
          ],
          ["Reason", backfill.reason],
          ["Created", <When key="c" at={backfill.created_at} />],
          ["Began", status.started_at && <When key="b" at={status.started_at} />],
          ["Ended", status.finished_at && <When key="e" at={status.finished_at} />],
          ["In short", backfill.state === "refused" ? "" : status.message],
        ]}
      />
      {Object.keys(backfill.parameters).length > 0 && (
        <>
          <h3>Parameters</h3>
          <Facts
            rows={Object.entries(backfill.parameters).map(([key, value]) => [key, <code key={key}>{value}</code>])}
          />
        </>
      )}
    </>
  );
}
