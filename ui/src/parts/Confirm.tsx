// Asks before something that cannot be undone.

import { useModal } from "./useModal";

interface Props {
  title: string;
  text: string;
  /** What the button says that does it. */
  verb: string;
  onYes: () => void;
  onClose: () => void;
}

export function Confirm({ title, text, verb, onYes, onClose }: Props) {
  const dialog = useModal();
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={onClose}>
      <h2 id="confirm-title">{title}</h2>
      <p>{text}</p>
      <form method="dialog" class="buttons">
        <button type="submit">Cancel</button>
        <button type="submit" class="danger" onClick={onYes}>
          {verb}
        </button>
      </form>
    </dialog>
  );
}
