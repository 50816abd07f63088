// Asks before something that many feel, or that cannot be undone.

import { useModal } from "./useModal";

interface Props {
  title: string;
  text: string;
  /** The text of the button that does it. */
  verb: string;
  /** Whether it takes something away. */
  destroys?: boolean;
  onYes: () => void;
  onClose: () => void;
}

export function Confirm({ title, text, verb, destroys = true, onYes, onClose }: Props) {
  const dialog = useModal();
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={onClose}>
      <h2 id="confirm-title">{title}</h2>
      <p>{text}</p>
      <form method="dialog" class="buttons">
        <button type="submit">Cancel</button>
        <button type="submit" class={destroys ? "danger" : "primary"} onClick={onYes}>
          {verb}
        </button>
      </form>
    </dialog>
  );
}
