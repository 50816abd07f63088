// Jobs that run after other jobs, as trees.

import { Link } from "wouter-preact";
import { busy, type ChainedJob, chainedJobs } from "../api/jobs";
import { jobPath } from "../parts/links";
import { Mark } from "../parts/Mark";
import { Empty, Failure, Loading } from "../parts/States";
import { Countdown } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { useQuery } from "../state/query";
import { type Chain, chainsOf } from "../text/chains";
import { stateOf } from "./Jobs";

export function Chains() {
  useTitle("Chains");
  const jobs = useQuery("chains", chainedJobs, { concerns: (event) => event.type === "job", atMostEvery: 10 });
  const running = useQuery("busy", busy, { concerns: (event) => event.type === "execution" });
  const { data } = jobs;
  const chains = data ? chainsOf(data) : [];
  const busyJobs = new Set((running.data ?? []).map((each) => each.job_name));
  return (
    <div class="chains">
      <header class="head">
        <h1>Chains</h1>
        <span class="muted count">{data && `${chains.length} ${chains.length === 1 ? "chain" : "chains"}`}</span>
      </header>
      <Failure query={jobs} />
      {!data && jobs.loading && <Loading rows={6} />}
      {data && chains.length === 0 && (
        <Empty title="No job runs after another one.">
          <p class="muted">Name a job in the field “Runs after” of another to have it run after each success.</p>
        </Empty>
      )}
      <ul class="chain-list">
        {chains.map((chain) => (
          <li key={chain.job.name} class="panel">
            <Tree chain={chain} busyJobs={busyJobs} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Tree({ chain: { job, then }, busyJobs }: { chain: Chain<ChainedJob>; busyJobs: ReadonlySet<string> }) {
  return (
    <div class="tree">
      <p>
        <Mark state={stateOf(job, busyJobs.has(job.name))} />
        <Link href={jobPath(job.name)} class="name">
          {job.name}
        </Link>
        <span class="muted">
          {job.schedule && !job.parent_job ? (
            <Countdown at={job.next} jobZone={job.timezone} never={job.schedule} />
          ) : (
            ""
          )}
        </span>
      </p>
      {then.length > 0 && (
        <ul>
          {then.map((each) => (
            <li key={each.job.name}>
              <Tree chain={each} busyJobs={busyJobs} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
