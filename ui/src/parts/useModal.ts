import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

/** The reference of a dialog that is open as long as it is there. Afterwards the focus is where it was before, or at the
 * content of the page if that is gone. */
export function useModal(): RefObject<HTMLDialogElement> {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () =>
      queueMicrotask(() => {
        const back = before?.isConnected ? before : document.getElementById("main");
        if (back instanceof HTMLElement) back.focus({ preventScroll: true });
      });
  }, []);
  return dialog;
}
