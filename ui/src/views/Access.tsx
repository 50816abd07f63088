// Policies: what the holders of tokens of the API may do. A section of the cluster's view.

import { useState } from "preact/hooks";
import { Refusal } from "../api/client";
import { deletePolicy, listPolicies, type Policy, readPolicy, savePolicy } from "../api/policies";
import { indented, rulesOf } from "../model/policies";
import { Confirm } from "../parts/Confirm";
import { Panel } from "../parts/Panel";
import { Empty, Failure, Loading } from "../parts/States";
import { type Column, Table } from "../parts/Table";
import { useModal } from "../parts/useModal";
import { attempt, tell } from "../state/notices";
import { useQuery } from "../state/query";
import { may } from "../state/session";
import { Labelled } from "./edit/Labelled";

const COLUMNS: readonly Column[] = [{ title: "Path" }, { title: "May" }];

const EXAMPLE = '{"path": {"/v1/jobs": {"capabilities": ["list"]}, "/v1/jobs/*": {"capabilities": ["read"]}}}';

/** The edited policy: one with its version, or a blank one. */
interface Draft {
  name: string;
  rules: string;
  etag: string;
}

export function Access() {
  const policies = useQuery("policies", listPolicies, { every: 30 });
  const [draft, setDraft] = useState<Draft>();
  const { data } = policies;
  const edit = (name: string) =>
    attemptQuietly(async () => {
      const { policy, etag } = await readPolicy(name);
      setDraft({ name, rules: indented(policy.Rules), etag });
    });
  return (
    <Panel
      title="Access"
      class="access"
      aside={
        may("update dkronpolicies") && (
          <button
            type="button"
            class="quiet"
            onClick={() => setDraft({ name: "", rules: indented(EXAMPLE), etag: "" })}
          >
            New policy
          </button>
        )
      }
    >
      <p class="muted">
        Policies say what the holders of tokens of this API may do. They count where it takes such tokens.
      </p>
      <Failure query={policies} />
      {!data && policies.loading && <Loading rows={3} />}
      {data?.length === 0 && (
        <Empty title="There is no policy.">
          <p class="muted">Create one, and name it when you make a token: dkronctl token create --policy NAME.</p>
        </Empty>
      )}
      {data && data.length > 0 && (
        <ul class="policies">
          {data.map((each) => (
            <PolicyRow key={each.Name} policy={each} edit={() => edit(each.Name)} reload={policies.reload} />
          ))}
        </ul>
      )}
      {draft && (
        <Editor
          key={draft.name}
          draft={draft}
          close={(saved) => {
            setDraft(undefined);
            if (saved) policies.reload();
          }}
        />
      )}
    </Panel>
  );
}

async function attemptQuietly(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    tell(error instanceof Refusal ? error.message : String(error), true);
  }
}

interface RowProps {
  policy: Policy;
  edit: () => void;
  reload: () => void;
}

function PolicyRow({ policy: { Name, Rules }, edit, reload }: RowProps) {
  const [asking, setAsking] = useState(false);
  const rules = rulesOf(Rules);
  const remove = async () => {
    if (await attempt(() => deletePolicy(Name), `The policy ${Name} is deleted.`)) reload();
  };
  return (
    <li>
      <details>
        <summary>
          <b>{Name}</b> <span class="muted">{rules.length === 1 ? "1 path" : `${rules.length} paths`}</span>
        </summary>
        <Table caption={`Rules of the policy ${Name}`} columns={COLUMNS}>
          {rules.map(([path, capabilities]) => (
            <tr key={path}>
              <th scope="row" class="mono">
                {path}
              </th>
              <td>{capabilities || "nothing"}</td>
            </tr>
          ))}
        </Table>
        <div class="buttons after">
          {may("update dkronpolicies") && may("get dkronpolicies") && (
            <button type="button" aria-label={`Edit the policy ${Name}`} onClick={edit}>
              Edit
            </button>
          )}
          {may("delete dkronpolicies") && (
            <button
              type="button"
              class="danger"
              aria-label={`Delete the policy ${Name}`}
              onClick={() => setAsking(true)}
            >
              Delete
            </button>
          )}
        </div>
      </details>
      {asking && (
        <Confirm
          title={`Delete the policy ${Name}?`}
          text="Tokens that name it lose what it grants within a second."
          verb="Delete"
          onYes={remove}
          onClose={() => setAsking(false)}
        />
      )}
    </li>
  );
}

function Editor({ draft, close }: { draft: Draft; close: (saved: boolean) => void }) {
  const dialog = useModal();
  const [name, setName] = useState(draft.name);
  const [rules, setRules] = useState(draft.rules);
  const [trouble, setTrouble] = useState("");
  const submit = async () => {
    setTrouble("");
    try {
      await savePolicy(name, rules, draft.etag);
      tell(`The policy ${name} is saved.`);
      close(true);
    } catch (reason) {
      setTrouble(reason instanceof Refusal ? reason.message : String(reason));
    }
  };
  return (
    <dialog ref={dialog} class="confirm policy-editor" aria-labelledby="policy-title" onClose={() => close(false)}>
      <h2 id="policy-title">{draft.etag ? `Edit the policy ${name}` : "New policy"}</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {!draft.etag && (
          <Labelled label="Name" hint="lower-case letters, digits, - and .">
            {(id) => (
              <input
                id={id}
                required
                spellcheck={false}
                value={name}
                onInput={(event) => setName(event.currentTarget.value)}
              />
            )}
          </Labelled>
        )}
        <Labelled label="Rules" hint="JSON: create, read, update, delete, list for paths; * is one segment, ** any">
          {(id) => (
            <textarea
              id={id}
              class="json"
              rows={12}
              spellcheck={false}
              value={rules}
              onInput={(event) => setRules(event.currentTarget.value)}
            />
          )}
        </Labelled>
        {trouble && (
          <p class="note bad" role="alert">
            {trouble}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={() => close(false)}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Save
          </button>
        </div>
      </form>
    </dialog>
  );
}
