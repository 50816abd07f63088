// Backfills: which slots of the past run again, and how far each has got.

import { useEffect, useState } from "preact/hooks";
import { Link, useSearch } from "wouter-preact";
import { type Backfill, listBackfills } from "../api/backfills";
import { BACKFILL_ICONS, isUnderWay, jobsOf } from "../model/backfills";
import { BackfillActions } from "../parts/BackfillActions";
import { backfillPath, jobPath } from "../parts/links";
import { Pager, pageIn } from "../parts/Pager";
import { Progress } from "../parts/Progress";
import { StateIcon } from "../parts/StateIcon";
import { Empty, Failure, Loading } from "../parts/States";
import { type Column, Table } from "../parts/Table";
import { When } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { useQuery } from "../state/query";
import { may } from "../state/session";

const COLUMNS: readonly Column[] = [
  { title: "State" },
  { title: "Name" },
  { title: "Jobs", kind: "medium" },
  { title: "Progress", kind: "medium" },
  { title: "Period", kind: "wide" },
  { title: "Created", kind: "wide" },
  { title: "Actions", kind: "medium", spoken: true },
];

const PAGE = 50;
/** Seconds between two reads, while one is under way and else. */
const [SOON, LATER] = [3, 30];

export function Backfills() {
  useTitle("Backfills");
  const page = pageIn(useSearch());
  const [goesOn, setGoesOn] = useState(false);
  const mayList = may("list dkronbackfills");
  const list = useQuery(
    mayList ? `backfills ${page}` : null,
    (signal) => listBackfills(page * PAGE, (page + 1) * PAGE, signal),
    { every: goesOn ? SOON : LATER },
  );
  const { data } = list;
  useEffect(() => setGoesOn(data?.items.some(isUnderWay) ?? false), [data]);
  const replace = (next: Backfill) =>
    list.change((found) => ({
      ...found,
      items: found.items.map((each) => (each.name === next.name ? next : each)),
    }));
  if (!mayList) return <Empty page title="Your rights do not allow you to see backfills here." />;
  return (
    <div class="backfills">
      <header class="head">
        <h1>Backfills</h1>
        <span class="muted count" role="status">
          {data ? `${data.total} ${data.total === 1 ? "backfill" : "backfills"}` : ""}
        </span>
        {may("create dkronbackfills") && (
          <Link href="/backfills/new" class="button primary">
            New backfill
          </Link>
        )}
      </header>
      <Failure query={list} />
      {!data && list.loading && <Loading rows={8} />}
      {data?.total === 0 && (
        <Empty title="No slots of the past run again.">
          <p class="muted">
            A backfill runs the slots of a period again: all of them, or those that failed. Its progress appears here.
          </p>
        </Empty>
      )}
      {data && data.total > 0 && data.items.length === 0 && (
        <Empty title="This page is after the last one.">
          <p>
            <Link href="/backfills">Go to the first page</Link>
          </p>
        </Empty>
      )}
      {data && data.items.length > 0 && (
        <Table caption="Backfills, the newest first" columns={COLUMNS}>
          {data.items.map((each) => (
            <Row key={each.name} backfill={each} replace={replace} reload={list.reload} />
          ))}
        </Table>
      )}
      {data && <Pager page={page} size={PAGE} total={data.total} to={(to) => `/backfills?page=${to + 1}`} />}
    </div>
  );
}

interface RowProps {
  backfill: Backfill;
  replace: (next: Backfill) => void;
  reload: () => void;
}

function Row({ backfill, replace, reload }: RowProps) {
  const { name, job, state, reason, status } = backfill;
  const how = status.plan ? (
    <Progress backfill={backfill} />
  ) : (
    <span class="sub" title={status.message}>
      {status.message || "–"}
    </span>
  );
  return (
    <tr>
      <td class="nowrap">
        <StateIcon state={BACKFILL_ICONS[state]} word say={state} />
      </td>
      <th scope="row" class="name">
        <Link href={backfillPath(name)}>{name}</Link>
        <span class="sub clip">{reason}</span>
        <span class="small">{how}</span>
      </th>
      <td class="medium clip">{job ? <Link href={jobPath(job)}>{job}</Link> : jobsOf(backfill)}</td>
      <td class="medium">{how}</td>
      <td class="wide nowrap period">
        <When at={backfill.from} withYear />
        <span>
          to <When at={backfill.to} withYear />
        </span>
      </td>
      <td class="wide">
        <When at={backfill.created_at} />
      </td>
      <td class="actions medium">
        <BackfillActions backfill={backfill} onChange={replace} onGone={reload} quiet />
      </td>
    </tr>
  );
}
