// Asks for a sign-on or a token, where the API wants one.

import { useEffect, useState } from "preact/hooks";
import { addressOf } from "../api/address";
import { Refusal } from "../api/client";
import { ISSUER, type Issuer } from "../api/installation";
import { farewell, locked, signIn } from "../api/token";
import { useModal } from "../parts/useModal";
import { useTitle } from "../parts/useTitle";
import { identify } from "../state/session";
import { begin, mayRenew, signingOn } from "../state/signon";

/** The page of a reader whom the API does not know yet. */
export function Login() {
  useTitle("Sign in");
  return (
    <main class="login" id="main">
      <Form id="token" />
    </main>
  );
}

/** Covers the page of a reader whose token has ended: what they have typed is there again once they have signed in. */
export function LoginAgain() {
  const dialog = useModal();
  const [isTyped] = useState(hasTyped);
  useEffect(() => {
    if (!isTyped && mayRenew()) void begin(true);
  }, [isTyped]);
  return (
    <dialog
      ref={dialog}
      class="login-again"
      aria-labelledby="sign-in"
      onCancel={(event) => event.preventDefault()}
      onClose={() => locked.peek() && dialog.current?.showModal()}
    >
      <div class="login">
        <Form id="token-again" apart={isTyped} />
        <p class="muted">What you have typed is kept on this page, and is there again once you have signed in.</p>
      </div>
    </dialog>
  );
}

/** Whether a form on the page has a text, which would be lost if the page went to the issuer. */
function hasTyped(): boolean {
  const fields = document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("form textarea, form input");
  return [...fields].some(({ type, value }) => value !== "" && type !== "checkbox" && type !== "radio");
}

/** Leads to the issuer, in this tab or `apart` from it. */
function SignOn({ issuer, apart }: { issuer: Issuer; apart: boolean }) {
  const host = new URL(issuer.url).host;
  if (apart) {
    return (
      <p class="by-issuer">
        <a class="button primary" href={addressOf("")} target="_blank" rel="noopener">
          Sign in with {host} in another tab
        </a>
      </p>
    );
  }
  return (
    <p class="by-issuer">
      <button type="button" class="primary" aria-disabled={signingOn.value} onClick={() => signingOn.value || begin()}>
        Sign in with {host}
      </button>
    </p>
  );
}

function Form({ id, apart = false }: { id: string; apart?: boolean }) {
  const [text, setText] = useState("");
  const [trouble, setTrouble] = useState("");
  const [asking, setAsking] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (asking) return;
    setAsking(true);
    setTrouble("");
    signIn(text.trim());
    try {
      await identify();
    } catch (error) {
      // A namespace that is not served has a page of its own, which says which ones are.
      if (error instanceof Refusal && error.status === 404) locked.value = false;
      else if (!(error instanceof Refusal && error.status === 401))
        setTrouble(error instanceof Error ? error.message : "");
    }
    setAsking(false);
  };
  return (
    <>
      <h1 id="sign-in">dkron</h1>
      {ISSUER && <SignOn issuer={ISSUER} apart={apart} />}
      <form onSubmit={submit}>
        <label for={id}>Token</label>
        <input
          id={id}
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          aria-describedby={`${id}-help`}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class={ISSUER ? undefined : "primary"} aria-disabled={asking}>
          {asking ? "Asking…" : "Sign in"}
        </button>
        {(trouble || farewell.value) && (
          <p class="note bad" role="alert">
            {trouble || farewell.value}
          </p>
        )}
        <p id={`${id}-help`} class="muted">
          A token of the cluster (<code>kubectl create token NAME --audience dkron</code>), of your issuer, or of this
          API (<code>dkronctl token create --name NAME</code>). This tab keeps it until it is closed.
        </p>
      </form>
    </>
  );
}
