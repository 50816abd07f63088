// Further actions behind a button. It closes by a choice, by Escape, and when the focus or the pointer goes elsewhere.

import { type ComponentChild, type ComponentChildren, toChildArray } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  label: string;
  /** The text of the button, if it has more than dots. */
  words?: string;
  /** Buttons and links. Without any there is no menu. */
  children: ComponentChildren;
}

export function Menu({ label, words = "⋯", children }: Props) {
  const box = useRef<HTMLDetailsElement>(null);
  const items: ComponentChild[] = toChildArray(children);
  useEffect(() => {
    const leave = ({ target }: Event) => {
      if (box.current && !(target instanceof Node && box.current.contains(target))) box.current.open = false;
    };
    const choose = ({ target }: Event) => {
      if (
        target instanceof Element &&
        target.closest(".menu-items a, .menu-items button") &&
        box.current?.contains(target)
      )
        close(box.current);
    };
    document.addEventListener("pointerdown", leave);
    document.addEventListener("focusin", leave);
    document.addEventListener("click", choose);
    return () => {
      document.removeEventListener("pointerdown", leave);
      document.removeEventListener("focusin", leave);
      document.removeEventListener("click", choose);
    };
  }, []);
  if (!items.length) return null;
  return (
    <details
      class="menu"
      ref={box}
      onKeyDown={(event) => {
        if (event.key === "Escape" && box.current?.open) close(box.current);
      }}
    >
      <summary class="button" aria-label={label} title={label}>
        {words}
      </summary>
      <div class="menu-items">{items}</div>
    </details>
  );
}

/** The focus goes to the button, where a dialog that a choice opens gives it back to. */
function close(menu: HTMLDetailsElement): void {
  menu.open = false;
  menu.querySelector("summary")?.focus();
}
