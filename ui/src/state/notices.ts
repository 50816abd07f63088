// Short sentences about what the reader just did, at the corner of the page and for screen readers.

import { signal } from "@preact/signals";
import { Begun, Refusal } from "../api/client";

export interface Notice {
  id: number;
  text: string;
  bad: boolean;
  /** The run that it is about. */
  begun: Begun | undefined;
}

const SHOWN = 6000;
const MOST = 4;
let last = 0;

export const notices = signal<readonly Notice[]>([]);

export function tell(text: string, bad = false, begun?: Begun): void {
  const notice = { id: ++last, text, bad, begun };
  notices.value = [...notices.value, notice].slice(-MOST);
  setTimeout(() => dismiss(notice.id), bad ? SHOWN * 2 : SHOWN);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((each) => each.id !== id);
}

/** Do something, and say what became of it, with a way to the run that it began. Returns whether it was done. */
export async function attempt(action: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    const made = await action();
    tell(done, false, made instanceof Begun ? made : undefined);
    return true;
  } catch (error) {
    tell(error instanceof Refusal ? error.message : String(error), true);
    return false;
  }
}
