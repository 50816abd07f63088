import { useEffect } from "preact/hooks";
import { inOrder } from "../model/ansi";

/** Name the page in the browser's tab and history. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${inOrder(title)} · dkron` : "dkron";
  }, [title]);
}
