// The reader's choices for this browser: light or dark, the zone of times, and how jobs are listed.

import { effect, signal } from "@preact/signals";
import { columnsIn } from "../model/columns";
import { viewsIn } from "../model/savedViews";
import { type Zone, zoneName } from "../model/time";

export type Theme = "system" | "light" | "dark";

const THEMES: readonly Theme[] = ["system", "light", "dark"];
const ZONES: readonly Zone[] = ["local", "utc", "job"];

function stored<T extends string>(key: string, values: readonly T[], otherwise: T): T {
  const found = localStorage.getItem(key) as T | null;
  return found && values.includes(found) ? found : otherwise;
}

export const theme = signal<Theme>(stored("dkron-theme", THEMES, "system"));
export const zone = signal<Zone>(stored("dkron-zone", ZONES, "local"));

effect(() => {
  localStorage.setItem("dkron-theme", theme.value);
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});
effect(() => localStorage.setItem("dkron-zone", zone.value));

const [COLUMNS_KEY, VIEWS_KEY] = ["dkron-columns", "dkron-views"];
/** The columns of the list of jobs, beside the name. */
export const columns = signal(columnsIn(localStorage.getItem(COLUMNS_KEY)));
export const savedViews = signal(viewsIn(localStorage.getItem(VIEWS_KEY)));
columns.subscribe((chosen) => localStorage.setItem(COLUMNS_KEY, chosen.join(",")));
savedViews.subscribe((views) => localStorage.setItem(VIEWS_KEY, JSON.stringify(views)));

const darkSystem = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(darkSystem.matches);
darkSystem.addEventListener("change", () => (systemIsDark.value = darkSystem.matches));

/** Whether the page is dark: what is drawn on a canvas has to be drawn again when that changes. */
export function isDark(): boolean {
  return theme.value === "system" ? systemIsDark.value : theme.value === "dark";
}

/** The next theme of the switch. */
export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
}

/** The zone to show a time in; `job` is the zone of the job that it belongs to. */
export function shownZone(job = ""): string | undefined {
  return zoneName(zone.value, job);
}
