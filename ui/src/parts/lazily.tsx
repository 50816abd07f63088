// Views that few readers open are loaded when they are opened.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Empty, Loading } from "./States";

/** The component that `load` brings, once it is there. */
export function lazily<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let loaded: ComponentType<Props> | undefined;
  return function Lazily(props: Props) {
    const [trouble, setTrouble] = useState(false);
    const [, setLoaded] = useState(Boolean(loaded));
    useEffect(() => {
      if (loaded) return;
      load().then(
        (found) => {
          loaded = found;
          setLoaded(true);
        },
        () => setTrouble(true),
      );
    }, []);
    if (loaded) {
      const Loaded = loaded;
      return <Loaded {...props} />;
    }
    if (!trouble) return <Loading rows={6} />;
    return (
      <Empty title="This part of the page could not be loaded.">
        <p class="muted">The server has another version of the page, or does not answer.</p>
        <button type="button" class="after" onClick={() => location.reload()}>
          Load the page again
        </button>
      </Empty>
    );
  };
}
