// A list of executions that is read page by page, as its reader goes down. Its first page follows what happens.

import { useEffect, useRef, useState } from "preact/hooks";
import { type Execution, NO_ANSWER, type Page, Refusal } from "../api/client";
import { listRuns } from "../api/runs";
import { isOpen, type RunsFilter, requestsOf, withNewest } from "../model/runs";
import { now } from "./clock";
import { useQuery } from "./query";

/** Seconds between two reads of the first page because of events, and in any case. */
const [AT_MOST_EVERY, EVERY] = [5, 60];

/** Where a page begins: in which of the requests, and after what. */
interface Place {
  readonly request: number;
  readonly after: string;
}

interface First extends Page<Execution> {
  /** The filter that it is an answer to. */
  readonly of: string;
}

/** The pages after the first. */
interface Rest {
  readonly of: string;
  readonly items: readonly Execution[];
  /** Undefined once there is no more. */
  readonly next: Place | undefined;
  readonly isComplete: boolean;
}

export interface Runs {
  /** Undefined until the first answer. */
  readonly items: readonly Execution[] | undefined;
  readonly total: number | undefined;
  /** Why some may be missing; empty if none are. */
  readonly warning: string;
  /** Whether these are all. */
  readonly isWhole: boolean;
  /** Whether a search in outputs has stopped on its way: only `more` goes on. */
  readonly isHalted: boolean;
  readonly loading: boolean;
  readonly error: Refusal | undefined;
  /** Why the next page could not be read. */
  readonly moreError: Refusal | undefined;
  reload: () => void;
  more: () => void;
}

export function useRuns(filter: RunsFilter): Runs {
  const of = JSON.stringify(filter);
  const requests = requestsOf(filter);
  const open = isOpen(filter, now.peek());
  const first = useQuery<First>(
    `runs ${of}`,
    async (signal) => ({ of, ...(await listRuns(requests[0], "", signal)) }),
    {
      concerns: (event) => open && event.type === "execution",
      atMostEvery: AT_MOST_EVERY,
      every: open ? EVERY : undefined,
    },
  );
  const [rest, setRest] = useState<Rest>();
  const [moreError, setMoreError] = useState<{ of: string; error: Refusal }>();
  const [isReading, setReading] = useState(false);
  const control = useRef<AbortController>();
  useEffect(
    () => () => {
      control.current?.abort();
      control.current = undefined;
      setReading(false);
    },
    [of],
  );
  const newest = first.data?.of === of ? first.data : undefined;
  const placeAfter = (request: number, { after }: Page<Execution>): Place | undefined =>
    after ? { request, after } : request + 1 < requests.length ? { request: request + 1, after: "" } : undefined;
  const begin: Rest | undefined = newest && {
    ...{ of, items: newest.items, next: placeAfter(0, newest), isComplete: newest.isComplete },
  };
  const isAll = newest !== undefined && !newest.after;
  const joined = newest && rest?.of === of ? withNewest(newest.items, isAll, rest.items) : undefined;
  const list = joined && rest ? { ...rest, items: joined } : begin;
  const more = async () => {
    if (!list?.next || control.current) return;
    const current = new AbortController();
    control.current = current;
    setReading(true);
    setMoreError(undefined);
    const { request, after } = list.next;
    try {
      const page = await listRuns(requests[request] ?? requests[0], after, current.signal);
      const ids = new Set(list.items.map(({ id }) => id));
      const items = [...list.items, ...page.items.filter(({ id }) => !ids.has(id))];
      if (!current.signal.aborted) {
        setRest({ of, items, next: placeAfter(request, page), isComplete: page.isComplete });
      }
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(0, NO_ANSWER);
      if (!current.signal.aborted) setMoreError({ of, error: refusal });
    } finally {
      if (control.current === current) {
        control.current = undefined;
        setReading(false);
      }
    }
  };
  return {
    items: list?.items,
    total: requests.length === 1 ? newest?.total : undefined,
    warning: newest?.warning ?? "",
    isWhole: list !== undefined && !list.next,
    isHalted: list !== undefined && !list.isComplete && list.next !== undefined,
    loading: first.loading || isReading,
    error: first.error,
    moreError: moreError?.of === of ? moreError.error : undefined,
    reload: first.reload,
    more: () => void more(),
  };
}
