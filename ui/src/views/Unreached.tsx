// What stands in place of all views while the API does not say who the reader is, or gives them no right.

import { addressOf } from "../api/address";
import { ask, homeApi, Refusal } from "../api/client";
import { Empty } from "../parts/States";
import { useTitle } from "../parts/useTitle";
import { useQuery } from "../state/query";

interface Props {
  why: Error;
  /** The namespace in the address; empty for the API's own. */
  namespace: string;
}

export function Unreached({ why, namespace }: Props) {
  const title = whatIsWrong(why, namespace);
  useTitle(title);
  const isNotServed = namespace !== "" && why instanceof Refusal && why.status === 404;
  return (
    <div role="alert">
      <Empty page title={title}>
        {namespace && (isNotServed ? <Served /> : <Home />)}
      </Empty>
    </div>
  );
}

/** For a reader whose token is valid, and who may do nothing here. */
export function NoRights({ namespace }: { namespace: string }) {
  const title = `Your token is valid, but gives no right in the namespace ${namespace}.`;
  useTitle(title);
  return (
    <Empty page title={title}>
      <p class="muted">
        A RoleBinding there gives one, or a DkronPolicy for a token of this API: the documentation has it under
        “Security”.
      </p>
      <Served />
    </Empty>
  );
}

function Home() {
  return (
    <p>
      <a href={addressOf("")}>Go to the API's own namespace</a>
    </p>
  );
}

/** The namespaces that the reader may go to. Another one is another page, which has to be loaded. */
function Served() {
  const found = useQuery("served", (signal) =>
    ask(homeApi.GET("/v1/whoami", { params: { query: { namespaces: "all" } }, signal })),
  );
  const names = found.data?.namespaces;
  if (!names) return <Home />;
  if (!names.length) return <p class="muted">It serves no namespace whose jobs your token may list.</p>;
  return (
    <>
      <p>These are served, and your token may list their jobs:</p>
      <ul class="served">
        {names.map((each) => (
          <li key={each}>
            {/* The API's own may be served only without a prefix. */}
            <a href={addressOf(each === found.data?.namespace ? "" : each)}>{each}</a>
          </li>
        ))}
      </ul>
    </>
  );
}

/** As a sentence: the API answers for a namespace that it does not serve as for any address that it does not have. */
export function whatIsWrong(why: Error, namespace: string): string {
  const status = why instanceof Refusal ? why.status : undefined;
  if (status === 404 && namespace) return `The API does not serve the namespace ${namespace}.`;
  if (!status) return why.message;
  return `The API cannot say who you are: ${why.message}. It is asked again.`;
}
