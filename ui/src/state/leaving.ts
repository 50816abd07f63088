// Asks before the reader leaves what they have typed and not saved: by a link, by Back, or by closing the page.

import { useLayoutEffect } from "preact/hooks";

const QUESTION = "What you changed is not saved. Leave all the same?";

/** Whether something on the page would be lost. */
let unsaved = false;

/** Whether the page may show another view: asks the reader if something would be lost. */
export function mayLeave(): boolean {
  return !unsaved || confirm(QUESTION);
}

/** Ask before this view is left while `dirty`. The effect is over before an answer of the server can come. */
export function useLeaving(dirty: boolean): void {
  useLayoutEffect(() => (dirty ? guard() : undefined), [dirty]);
}

/** Ask from now on, until the function that is returned is called. */
export function guard(): () => void {
  const here = location.href;
  const unload = (event: BeforeUnloadEvent) => event.preventDefault();
  // Back has happened when it is told of: before the router hears of it, the address is put back.
  const back = (event: PopStateEvent) => {
    if (mayLeave()) return;
    event.stopImmediatePropagation();
    history.pushState(null, "", here);
  };
  unsaved = true;
  addEventListener("beforeunload", unload);
  addEventListener("popstate", back, { capture: true });
  return () => {
    unsaved = false;
    removeEventListener("beforeunload", unload);
    removeEventListener("popstate", back, { capture: true });
  };
}
