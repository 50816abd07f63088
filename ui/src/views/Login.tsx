// Asks for a token, where the API wants one.

import { useState } from "preact/hooks";
import { Refusal } from "../api/client";
import { useTitle } from "../parts/useTitle";
import { identify } from "../state/session";
import { farewell, signIn } from "../state/token";

export function Login() {
  useTitle("Sign in");
  const [text, setText] = useState("");
  const [trouble, setTrouble] = useState("");
  const [asking, setAsking] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setAsking(true);
    setTrouble("");
    signIn(text.trim());
    try {
      await identify();
    } catch (error) {
      if (!(error instanceof Refusal && error.status === 401)) setTrouble(error instanceof Error ? error.message : "");
    }
    setAsking(false);
  };
  return (
    <main class="login" id="main">
      <h1>dkron</h1>
      <form onSubmit={submit}>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          aria-describedby="token-help"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="primary" disabled={asking}>
          {asking ? "Asking…" : "Sign in"}
        </button>
        {(trouble || farewell.value) && (
          <p class="note bad" role="alert">
            {trouble || farewell.value}
          </p>
        )}
        <p id="token-help" class="muted">
          A token of the cluster (<code>kubectl create token NAME --audience dkron</code>), of your issuer, or of this
          API (<code>dkron-api token create</code>). This tab keeps it until it is closed.
        </p>
      </form>
    </main>
  );
}
