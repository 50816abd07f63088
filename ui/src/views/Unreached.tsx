// What stands in place of all views while the API does not say who the reader is.

import { Refusal } from "../api/client";
import { Empty } from "../parts/States";
import { useTitle } from "../parts/useTitle";

interface Props {
  why: Error;
  /** The namespace in the address; empty for the API's own, whose page is at `home`. */
  namespace: string;
  home: string;
}

export function Unreached({ why, namespace, home }: Props) {
  const title = whatIsWrong(why, namespace);
  useTitle(title);
  return (
    <div role="alert">
      <Empty page title={title}>
        {namespace && (
          <p>
            {/* Another namespace is another page, which has to be loaded. */}
            <a href={home}>Go to the API's own namespace</a>
          </p>
        )}
      </Empty>
    </div>
  );
}

/** As a sentence: the API answers for a namespace that it does not serve as for any address that it does not have. */
export function whatIsWrong(why: Error, namespace: string): string {
  const status = why instanceof Refusal ? why.status : undefined;
  if (status === 404 && namespace) return `The API does not serve the namespace ${namespace}.`;
  if (!status) return why.message;
  return `The API cannot say who you are: ${why.message}. It is asked again.`;
}
