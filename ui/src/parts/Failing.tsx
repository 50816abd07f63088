// The jobs that failed most within a day.

import { Link } from "wouter-preact";
import { api, ask } from "../api/client";
import { runsPath } from "../model/runs";
import { inZone } from "../model/time";
import { now } from "../state/clock";
import { shownZone } from "../state/preferences";
import { useQuery } from "../state/query";
import { jobPath } from "./links";
import { Panel } from "./Panel";
import { StateIcon } from "./StateIcon";
import { Empty, Pending } from "./States";
import { Ago } from "./Time";

const LISTED = 6;

export function Failing() {
  const query = { since: "24h", count: LISTED };
  const failing = useQuery("failing", (signal) => ask(api.GET("/v1/failing", { params: { query }, signal })), {
    concerns: (event) => event.type === "execution",
    atMostEvery: 30,
    every: 60,
  });
  const { data } = failing;
  const more = data ? data.total - data.jobs.length : 0;
  return (
    <Panel title="Failed most in a day" class="failing" aside={more > 0 && `${more} more jobs failed`}>
      {!data && <Pending query={failing} />}
      {data?.total === 0 && <Empty title="No run failed within a day." />}
      <ul class="rows">
        {data?.jobs
          .map((each) => ({ ...each, why: inZone(each.why, now.peek(), shownZone()) }))
          .map((each) => (
            <li key={each.job}>
              <StateIcon state="failed" />
              <Link href={jobPath(each.job)} class="name">
                {each.job}
              </Link>
              <span class="why clip" title={each.why}>
                <Link href={runsPath({ jobs: [each.job], state: "failed", from: Date.parse(data.from) })}>
                  {each.failed} of {each.runs}
                  {each.whole ? "" : " kept"} {each.runs === 1 ? "run" : "runs"}
                </Link>
                ; {each.why}
              </span>
              <span class="end">
                <Ago at={each.latest} />
              </span>
            </li>
          ))}
      </ul>
    </Panel>
  );
}
