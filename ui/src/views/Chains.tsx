// Jobs that run after other jobs, as graphs.

import { useState } from "preact/hooks";
import { busy, chainedJobs } from "../api/jobs";
import { chainsOf } from "../model/graph";
import { stateOf } from "../model/state";
import { ChainGraph } from "../parts/ChainGraph";
import { Empty, Failure, Loading } from "../parts/States";
import { useTitle } from "../parts/useTitle";
import { useQuery } from "../state/query";

/** Chains that are drawn at once. */
const PORTION = 20;

export function Chains() {
  useTitle("Chains");
  const jobs = useQuery("chains", chainedJobs, { concerns: (event) => event.type === "job", atMostEvery: 10 });
  const running = useQuery("busy", busy, { concerns: (event) => event.type === "execution" });
  const [search, setSearch] = useState("");
  const [most, setMost] = useState(PORTION);
  const { data } = jobs;
  const busyJobs = new Set((running.data ?? []).map((each) => each.job_name));
  const drawn = (data ?? []).map((job) => ({ ...job, state: stateOf(job, busyJobs.has(job.name)) }));
  const all = chainsOf(drawn);
  const text = search.trim().toLowerCase();
  const found = text ? all.filter((chain) => chain.some(({ name }) => name.toLowerCase().includes(text))) : all;
  return (
    <div class="chains">
      <header class="head">
        <h1>Chains</h1>
        {all.length > 1 && (
          <input
            type="search"
            aria-label="Chains with a job of this name"
            placeholder="Chains with a job"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        )}
        <span class="muted count" role="status">
          {data && `${found.length} ${found.length === 1 ? "chain" : "chains"}`}
        </span>
      </header>
      <Failure query={jobs} />
      {!data && jobs.loading && <Loading rows={6} />}
      {data && all.length === 0 && (
        <Empty title="No job runs after another one.">
          <p class="muted">Name a job in the field “Runs after” of another to have it run after each success.</p>
        </Empty>
      )}
      {all.length > 0 && found.length === 0 && <Empty title="No chain has a job of this name." />}
      <ul class="chain-list">
        {found.slice(0, most).map((chain) => (
          <li key={chain[0]?.name} class="panel">
            <ChainGraph jobs={chain} label={`A chain of ${chain.length} jobs`} />
          </li>
        ))}
      </ul>
      {found.length > most && (
        <p class="pages">
          <button type="button" onClick={() => setMost(most + PORTION)}>
            Show {Math.min(PORTION, found.length - most)} more of {found.length}
          </button>
        </p>
      )}
    </div>
  );
}
