// Schedules to begin with, and the one that a schedule of five fields means. Pure.

/** Schedules that many jobs have, with their words. */
export const PRESETS: readonly [string, string][] = [
  ["0 */15 * * * *", "every 15 minutes"],
  ["@hourly", "every hour"],
  ["0 0 3 * * *", "every day at 3:00"],
  ["0 30 7 * * 1-5", "weekdays at 7:30"],
];

/** The schedule with the seconds that are missing from the five fields of cron; undefined for any other. */
export function withSeconds(schedule: string): string | undefined {
  const fields = schedule.trim().split(/\s+/);
  return fields.length === 5 && !schedule.includes("@") ? `0 ${fields.join(" ")}` : undefined;
}
