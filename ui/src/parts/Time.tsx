// Points and lengths of time. Only what counts on the screen is drawn again each second.

import {
  ago,
  countdown,
  datedTime,
  fullTime,
  instant,
  relative,
  shortTime,
  wholeSeconds,
  yearTime,
} from "../model/time";
import { now } from "../state/clock";
import { heard, isOld } from "../state/live";
import { shownZone } from "../state/preferences";

interface Props {
  /** A time of the API, or milliseconds since 1970. */
  at: string | number | null | undefined;
  /** The zone of the job that it belongs to. */
  jobZone?: string;
  /** What to show for never. */
  never?: string;
  /** Whether times of today say so: beside others that have a date. */
  dated?: boolean;
  /** Whether it has its year in any case. */
  withYear?: boolean;
}

function milliseconds(at: Props["at"]): number | undefined {
  return typeof at === "number" ? at : instant(at);
}

/** The time of day, with the date where it is another day. */
export function When({ at, jobZone = "", never = "–", dated = false, withYear = false }: Props) {
  const found = milliseconds(at);
  if (found === undefined) return <span class="muted">{never}</span>;
  const zone = shownZone(jobZone);
  return (
    <time dateTime={new Date(found).toISOString()} title={`${fullTime(found, zone)}\n${relative(found, now.peek())}`}>
      {withYear
        ? yearTime(found, zone)
        : dated
          ? datedTime(found, now.peek(), zone)
          : shortTime(found, now.peek(), zone)}
    </time>
  );
}

/** `in 5 min`, counted down to `due`; the time itself is the title. */
export function Countdown({ at, jobZone = "", never = "–" }: Props) {
  const found = milliseconds(at);
  if (found === undefined) return <span class="muted">{never}</span>;
  return (
    <time dateTime={new Date(found).toISOString()} title={fullTime(found, shownZone(jobZone))}>
      {found <= now.value ? "due" : countdown(found, now.value, shownZone(jobZone))}
    </time>
  );
}

/** `4 h ago`; the time itself is the title. */
export function Ago({ at, jobZone = "" }: Pick<Props, "at" | "jobZone">) {
  const found = milliseconds(at);
  if (found === undefined) return <span class="muted">–</span>;
  const zone = shownZone(jobZone);
  return (
    <time dateTime={new Date(found).toISOString()} title={fullTime(found, zone)}>
      {ago(found, now.value, zone)}
    </time>
  );
}

/** How long it has been going on. While the screen is old, it may have ended: then it stands still. */
export function Elapsed({ since }: { since: string | number }) {
  const began = milliseconds(since);
  const until = isOld() ? heard.value : now.value;
  return <>{began === undefined ? "" : wholeSeconds((until - began) / 1000)}</>;
}
