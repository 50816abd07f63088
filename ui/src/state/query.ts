// The data of a view from the API: read again when an event concerns it, when events were lost, and after a failure.

import { untracked, effect as whenever } from "@preact/signals";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { NO_ANSWER, Refusal } from "../api/client";
import { locked } from "../api/token";
import { generation, type LiveEvent, onEvents } from "./live";

export interface Query<T> {
  /** The newest answer; undefined until the first. */
  data: T | undefined;
  /** Why the newest attempt failed. `data` may still be there, older. */
  error: Refusal | undefined;
  loading: boolean;
  reload: () => void;
  /** Show other data at once, until they are read again. */
  change: (next: (data: T) => T) => void;
}

interface Options {
  /** Whether an event makes the data old. */
  concerns?: (event: LiveEvent) => boolean;
  /** Seconds between two reads because of events. */
  atMostEvery?: number;
  /** Seconds after which data are read again in any case. */
  every?: number;
}

/** Seconds after which a failed read is tried again. */
const AGAIN = 5;
/** Seconds after which a server that does not answer counts as away. */
const LONGEST = 30;

/** Read with `load` whenever `key` changes. `null` as key reads nothing. */
export function useQuery<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  { concerns, atMostEvery = 0.7, every }: Options = {},
): Query<T> {
  const [state, setState] = useState<{ data?: T; error?: Refusal; loading: boolean }>({ loading: key !== null });
  const loader = useRef(load);
  loader.current = load;
  const concerned = useRef(concerns);
  concerned.current = concerns;
  const control = useRef<AbortController>();
  const reading = useRef<Promise<void>>();
  const readNow = useCallback(async () => {
    // Until the reader has signed in again, what is on the screen stays as it is.
    if (locked.peek()) return;
    control.current?.abort();
    const current = new AbortController();
    control.current = current;
    setState((before) => ({ ...before, loading: true }));
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      current.abort();
    }, LONGEST * 1000);
    try {
      const data = await loader.current(current.signal);
      if (!current.signal.aborted) setState({ data, loading: false });
    } catch (error) {
      if (current.signal.aborted && !isLate) return;
      // Whatever method it has, it is asked again here.
      const refusal = error instanceof Refusal && error.status ? error : new Refusal(0, NO_ANSWER);
      setState((before) => ({
        data: refusal.status === 404 ? undefined : before.data,
        error: refusal,
        loading: false,
      }));
    } finally {
      clearTimeout(timer);
    }
  }, []);
  const read = useCallback(() => {
    reading.current = readNow();
  }, [readNow]);

  useEffect(() => {
    if (key === null) return undefined;
    read();
    return () => control.current?.abort();
  }, [key, read]);

  useEffect(() => {
    if (key === null) return undefined;
    let first = true;
    return whenever(() => {
      generation.value;
      if (!first) untracked(read);
      first = false;
    });
  }, [key, read]);

  useEffect(() => {
    if (key === null || !concerned.current) return undefined;
    let last = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ended = false;
    const stop = onEvents((events) => {
      if (timer || !events.some((event) => concerned.current?.(event))) return;
      const wait = Math.max(0, last + atMostEvery * 1000 - Date.now());
      timer = setTimeout(async () => {
        // An answer that is slower than events come must still arrive: it is not given up for the next one.
        await reading.current;
        timer = undefined;
        last = Date.now();
        if (!ended) read();
      }, wait);
    });
    return () => {
      ended = true;
      stop();
      clearTimeout(timer);
    };
  }, [key, read, atMostEvery]);

  const status = state.error?.status;
  const again = status === 0 || status === 429 || status === 503 ? AGAIN : every;
  useEffect(() => {
    if (key === null || !again) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) read();
    }, again * 1000);
    return () => clearInterval(timer);
  }, [key, read, again]);

  const change = useCallback((next: (data: T) => T) => {
    setState((before) => (before.data === undefined ? before : { ...before, data: next(before.data) }));
  }, []);
  return { data: state.data, error: state.error, loading: state.loading, reload: read, change };
}
