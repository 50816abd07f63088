// Copies a text to the clipboard.

import { tell } from "../state/notices";

export function Copy({ text, label }: { text: string; label: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      tell("Copied.");
    } catch {
      tell("The browser did not allow it; select the text and copy it by hand.", true);
    }
  };
  return (
    <button type="button" class="quiet" onClick={copy}>
      {label}
    </button>
  );
}
