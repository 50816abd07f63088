// Which jobs run after which, as trees. Pure.

export interface Linked {
  readonly name: string;
  readonly parent_job: string;
  readonly dependent_jobs?: readonly string[] | null;
}

export interface Chain<T> {
  readonly job: T;
  readonly then: readonly Chain<T>[];
}

/** Levels and jobs to show of one chain: a job with several parents stands below each. */
const DEEPEST = 32;
const MOST = 2000;

/** The chains of all jobs that others run after, by name. A job that runs after one which is not here begins a chain. */
export function chainsOf<T extends Linked>(jobs: readonly T[]): Chain<T>[] {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  const later = new Set(jobs.flatMap((job) => job.dependent_jobs ?? []));
  const begins = jobs.filter((job) => !later.has(job.name) && (job.dependent_jobs?.length || job.parent_job));
  let left = MOST;
  const chain = (job: T, above: ReadonlySet<string>): Chain<T> => {
    const path = new Set(above).add(job.name);
    const next = path.size >= DEEPEST ? [] : (job.dependent_jobs ?? []);
    const then = [];
    for (const name of next) {
      const found = byName.get(name);
      if (!found || path.has(name) || --left < 0) continue;
      then.push(chain(found, path));
    }
    return { job, then };
  };
  return begins.map((job) => chain(job, new Set()));
}
