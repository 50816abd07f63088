// The frame of every page: where to go, whether it is live, and how it is shown.

import type { ComponentChildren } from "preact";
import { Link, useLocation } from "wouter-preact";
import { addressOf, NAMESPACE } from "../api/address";
import { token } from "../api/token";
import { wholeSeconds, type Zone } from "../model/time";
import { now } from "../state/clock";
import { mayLeave } from "../state/leaving";
import { connection, heard, isOld, leader } from "../state/live";
import { nextTheme, theme, zone } from "../state/preferences";
import { leave, may, whoami } from "../state/session";
import { paletteOpen } from "./Palette";
import { PausedBanner } from "./PausedBanner";

/** The dark part of the disc: half of it, none, all. */
const SHADES = { system: "M8 2a6 6 0 0 1 0 12Z", light: "", dark: "M8 2a6 6 0 1 1 0 12a6 6 0 1 1 0-12Z" };

const PAGES = [
  ["/", "Overview", "list dkronjobs"],
  ["/jobs", "Jobs", "list dkronjobs"],
  ["/runs", "Runs", "list dkronjobs"],
  ["/chains", "Chains", "list dkronjobs"],
  ["/busy", "Busy", "list dkronjobs"],
  ["/backfills", "Backfills", "list dkronbackfills"],
  ["/pauses", "Pauses", "list dkronpauses"],
  ["/cluster", "Cluster"],
] as const;

export function Layout({ children }: { children: ComponentChildren }) {
  const [path] = useLocation();
  const isAt = (page: string) => (page === "/" ? path === "/" || path === "" : path.startsWith(page));
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: a way past all landmarks is expected to be a link. */}
      <a class="skip" href="#main" onClick={toContent}>
        Skip to the content
      </a>
      <header class="top">
        <Link href="/" class="brand">
          dkron{NAMESPACE && <span class="muted"> / {NAMESPACE}</span>}
        </Link>
        <nav aria-label="Pages">
          {PAGES.filter(([, , right]) => !right || may(right)).map(([page, name]) => (
            <Link key={page} href={page} aria-current={isAt(page) ? "page" : undefined}>
              {name}
            </Link>
          ))}
        </nav>
        <div class="tools">
          <Liveness />
          <button type="button" class="quiet find" onClick={() => (paletteOpen.value = true)}>
            Find <kbd>Ctrl K</kbd>
          </button>
          <ZonePicker />
          <ThemeButton />
          <Who />
        </div>
      </header>
      <OldData />
      <PausedBanner />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

/** Go to the content of this view: by its address, the link would lead to <base>, the overview. */
function toContent(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** The frame of a page that does not know yet what its reader may see. */
export function BareLayout({ children }: { children: ComponentChildren }) {
  return (
    <>
      <header class="top">
        <a href={addressOf("")} class="brand">
          dkron{NAMESPACE && <span class="muted"> / {NAMESPACE}</span>}
        </a>
        <div class="tools">
          <ThemeButton />
          <Who />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function ThemeButton() {
  return (
    <button type="button" class="quiet theme" onClick={nextTheme} title={`Theme: ${theme.value}`}>
      <span class="spoken">Theme: {theme.value}</span>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6" />
        <path d={SHADES[theme.value]} />
      </svg>
    </button>
  );
}

function Liveness() {
  const words = { live: "live", connecting: "connecting", lost: "not live", polling: "every 10 s" };
  return (
    <span
      class={`liveness ${connection.value}`}
      role="status"
      title={leader.value ? `${leader.value} leads` : undefined}
    >
      <i aria-hidden="true" />
      {words[connection.value]}
    </span>
  );
}

/** A sign that what is on the screen may be old. */
function OldData() {
  if (!isOld()) return null;
  return (
    <p class="old" role="alert">
      The connection to the server is lost. What you see is {wholeSeconds((now.value - heard.value) / 1000)} old. This
      page tries again by itself.
    </p>
  );
}

function ZonePicker() {
  return (
    <label class="zone">
      <span class="spoken">Time zone of all times</span>
      <select value={zone.value} onChange={(event) => (zone.value = event.currentTarget.value as Zone)}>
        <option value="local">local time</option>
        <option value="utc">UTC</option>
        <option value="job">job's zone</option>
      </select>
    </label>
  );
}

function Who() {
  const name = whoami.value?.name;
  if (!name && !token.value) return null;
  return (
    <button
      type="button"
      class="quiet who"
      title={`${name ?? ""}: forget the token of this tab`}
      onClick={() => mayLeave() && leave()}
    >
      Sign out
    </button>
  );
}
