// A field with its label, and a hint in a few words.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Props {
  label: string;
  hint?: string;
  wide?: boolean;
  onFocus?: () => void;
  children: (id: string) => ComponentChildren;
}

export function Labelled({ label, hint = "", wide = false, onFocus, children }: Props) {
  const id = useId();
  return (
    <div class={wide ? "field wide-field" : "field"} onFocusIn={onFocus}>
      <label for={id}>
        {label} {hint && <span class="muted">{hint}</span>}
      </label>
      {children(id)}
    </div>
  );
}
