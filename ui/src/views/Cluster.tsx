// The installation: who leads, which machines there are, and whether it accepts jobs.

import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { api, ask, askList, type Member } from "../api/client";
import { token } from "../api/token";
import { endOf } from "../model/token";
import { Confirm } from "../parts/Confirm";
import { Copy } from "../parts/Copy";
import { lazily } from "../parts/lazily";
import { Facts, Panel } from "../parts/Panel";
import { Empty, Failure, Loading } from "../parts/States";
import { type Column, Table } from "../parts/Table";
import { When } from "../parts/Time";
import { useTitle } from "../parts/useTitle";
import { leader } from "../state/live";
import { attempt } from "../state/notices";
import { useQuery } from "../state/query";
import { may, whoami } from "../state/session";

const COLUMNS: readonly Column[] = [
  { title: "Name" },
  { title: "State" },
  { title: "Address", kind: "medium" },
  { title: "Tags", kind: "wide" },
];

const Access = lazily(async () => (await import("./Access")).Access);

const BY_LEADER = { concerns: (event: { type: string }) => event.type === "leader", every: 30 };

export function Cluster() {
  useTitle("Cluster");
  const status = useQuery("status", (signal) => ask(api.GET("/v1", { signal })), BY_LEADER);
  const members = useQuery("members", (signal) => askList<Member>(api.GET("/v1/members", { signal })), BY_LEADER);
  const { agent, serf } = status.data ?? {};
  return (
    <div class="cluster">
      <header class="head">
        <h1>Cluster</h1>
      </header>
      <div class="grid">
        <div class="stack">
          <Panel title="Members" class="members" aside={members.data && `${members.data.total} in all`}>
            <Failure query={members} />
            {!members.data && members.loading && <Loading rows={4} />}
            {members.data && <Members members={members.data.items} />}
          </Panel>
          {may("list dkronpolicies") && <Access />}
        </div>
        <div class="stack">
          <Panel title="Leader" class="leading">
            {leader.value === "" && (
              <p class="note bad">
                No replica leads, so no job starts. Look at the pods of the operator and their log.
              </p>
            )}
            <Failure query={status} />
            {!status.data && status.loading && <Loading />}
            <Facts
              rows={[
                ["Leads", leader.value || serf?.leader],
                ["Answered by", agent?.name],
                ["Version", agent?.version],
                ["Jobs", serf?.jobs],
                ["Running", serf?.active],
                ["Data are", serf?.cache_age && `${serf.cache_age} s old at most`],
              ]}
            />
          </Panel>
          <Pause />
          <Panel title="You" class="you">
            <You />
            <details>
              <summary>Rights</summary>
              <ul class="rights">
                {whoami.value?.rights.map((right) => (
                  <li key={right}>
                    <code>{right}</code>
                  </li>
                ))}
              </ul>
            </details>
          </Panel>
        </div>
      </div>
    </div>
  );
}

/** How each kind of token is made, and where those that exist are listed. */
const TOKENS = {
  kubernetes: {
    known: "the cluster",
    command: "kubectl create token NAME --audience dkron --duration 8h",
    more: "It is for a ServiceAccount, ends by itself, and is stored nowhere: there is no list of them.",
  },
  dkron: {
    known: "this API",
    command: "dkronctl token create --name NAME --policy POLICY --expires 720h",
    more: "dkronctl token list shows all of them with their policies and ends, dkronctl token revoke ends one.",
  },
  oidc: {
    known: "your issuer",
    command: "",
    more: "Your issuer makes and lists them.",
  },
};

/** Whose token this tab uses, and how to make another one. Tokens themselves are shown nowhere. */
function You() {
  const { name = "", how = "none", namespace } = whoami.value ?? {};
  const kind = how === "none" ? undefined : TOKENS[how];
  const ends = endOf(token.value);
  return (
    <>
      <Facts
        rows={[
          ["Name", name || "anybody: no token is asked for"],
          ["Known by", kind?.known],
          ["Namespace", namespace],
          ["Token ends", ends ? <When key="ends" at={ends} /> : kind && "it does not say"],
        ]}
      />
      {kind?.command && (
        <div class="another">
          <p class="muted">Another token:</p>
          <pre class="command">{kind.command}</pre>
          <Copy text={kind.command} label="Copy the command" />
        </div>
      )}
      {kind && <p class="muted hint">{kind.more}</p>}
    </>
  );
}

function Members({ members }: { members: readonly Member[] }) {
  if (!members.length) {
    return (
      <Empty title="No member is known.">
        <p class="muted">The account of the API may not list nodes, and no replica of the operator leads.</p>
      </Empty>
    );
  }
  return (
    <Table caption="Members" columns={COLUMNS}>
      {members.map((each) => (
        <tr key={each.Name}>
          <th scope="row" class="name">
            {each.Name}
            {each.Name === leader.value && <span class="badge">leads</span>}
          </th>
          <td>{WORDS[each.Status] ?? each.Status}</td>
          <td class="medium mono">{each.Addr}</td>
          <td class="wide">
            <details>
              <summary>{Object.keys(each.Tags).length} tags</summary>
              <Facts rows={Object.entries(each.Tags)} />
            </details>
          </td>
        </tr>
      ))}
    </Table>
  );
}

const WORDS = ["unknown", "alive", "leaving", "left", "failed"];

function Pause() {
  const pause = useQuery("pause", (signal) => ask(api.GET("/v1/pause", { signal })), { every: 15 });
  const [asking, setAsking] = useState(false);
  const paused = pause.data?.paused;
  const set = async (on: boolean) => {
    const change = () => ask(on ? api.POST("/v1/pause", {}) : api.POST("/v1/unpause", {}));
    await attempt(change, on ? "New jobs are refused." : "New jobs are accepted again.");
    pause.reload();
  };
  return (
    <Panel title="New jobs" class="pausing">
      <Failure query={pause} />
      <p>{paused === undefined ? "–" : paused ? "Refused: no client can create or change a job." : "Accepted."}</p>
      <p class="muted">
        Jobs that exist run in any case. To keep them from running, <Link href="/pauses">pause jobs</Link>.
      </p>
      {paused !== undefined && may("update dkronclusters/pause") && (
        <button type="button" class="after" onClick={() => (paused ? set(false) : setAsking(true))}>
          {paused ? "Accept new jobs" : "Refuse new jobs"}
        </button>
      )}
      {asking && (
        <Confirm
          title="Refuse new jobs?"
          text="No client can create or change a job until you accept them again. Jobs that exist run as before."
          verb="Refuse new jobs"
          onYes={() => set(true)}
          onClose={() => setAsking(false)}
        />
      )}
    </Panel>
  );
}
