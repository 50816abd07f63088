// Why a job cannot run. Pure.

/** The reason in a problem of a job, without the words that say that it is one: the page says so beside it. */
export function whyNot(problem: string): string {
  return problem.replace(/^the job cannot run: /, "");
}
