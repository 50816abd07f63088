// Asks what a run is given: the parameters that the job declares, the slot that it stands for, and a reason.

import { useId, useRef, useState } from "preact/hooks";
import { newKey, type Order, orderRun, type Parameter } from "../api/details";
import { tell } from "../state/notices";
import { useModal } from "./useModal";

interface Props {
  job: string;
  parameters: readonly Parameter[];
  /** Why only a forced run would begin; empty if any does, or if the reader may not force. */
  obstacle?: string;
  onClose: () => void;
}

export function RunForm({ job, parameters, obstacle = "", onClose }: Props) {
  const dialog = useModal();
  const [values, setValues] = useState(() => valuesAtFirst(parameters));
  const [at, setAt] = useState("");
  const [reason, setReason] = useState("");
  const [force, setForce] = useState(false);
  const [trouble, setTrouble] = useState("");
  const [sending, setSending] = useState(false);
  // One key for all that is sent from this form, unless something in it changes: a repeated request is the same run.
  const key = useRef({ of: "", key: "" });
  const title = useId();
  const send = async () => {
    const order: Order = { parameters: given(parameters, values), scheduled_time: at.trim(), reason, force };
    const text = JSON.stringify(order);
    if (key.current.of !== text) key.current = { of: text, key: newKey() };
    setSending(true);
    setTrouble("");
    try {
      tell(`${job} is asked to run.`, false, await orderRun(job, order, key.current.key));
      dialog.current?.close();
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
      setSending(false);
    }
  };
  return (
    <dialog ref={dialog} class="confirm run-form" aria-labelledby={title} onClose={onClose}>
      <h2 id={title}>Run {job}</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!sending) void send();
        }}
      >
        {parameters.map((each) => (
          <ParameterField
            key={each.name}
            parameter={each}
            value={values[each.name] ?? ""}
            onChange={(value) => setValues((before) => ({ ...before, [each.name]: value }))}
          />
        ))}
        <Field label="Slot that it stands for" hint="such as 2026-01-31T02:30:00Z; without it, now">
          {(id) => (
            <input
              id={id}
              value={at}
              spellcheck={false}
              pattern={INSTANT}
              title="a time with a zone, such as 2026-01-31T02:30:00Z"
              onInput={(event) => setAt(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Reason" hint="for people">
          {(id) => (
            <input id={id} value={reason} maxLength={256} onInput={(event) => setReason(event.currentTarget.value)} />
          )}
        </Field>
        {obstacle && (
          <label class="check">
            <input type="checkbox" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} />
            Run it although {obstacle}
          </label>
        )}
        {trouble && (
          <p class="note bad" role="alert">
            {trouble}
          </p>
        )}
        <div class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class="primary" aria-disabled={sending}>
            Run
          </button>
        </div>
      </form>
    </dialog>
  );
}

const INSTANT = "\\s*\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?(Z|[+\\-]\\d\\d:\\d\\d)\\s*";

/** The values that the form begins with. */
export function valuesAtFirst(parameters: readonly Parameter[]): Record<string, string> {
  return Object.fromEntries(parameters.map((each) => [each.name, each.default ?? ""]));
}

/** The values to send: an empty field of a parameter that is not required is none, and its default stays. */
export function given(parameters: readonly Parameter[], values: Record<string, string>): Record<string, string> {
  const sent: Record<string, string> = {};
  for (const { name, required, default: otherwise } of parameters) {
    const value = values[name] ?? "";
    if (required || (value !== "" && value !== otherwise)) sent[name] = value;
  }
  return sent;
}

/** The rule for the value, in words. */
export function ruleOf(one: Parameter): string {
  const words: string[] = [];
  if (one.secret) words.push("secretRef:<secret>/<key>");
  else if (one.type === "integer") words.push("a whole number");
  else if (one.type === "number") words.push("a number");
  else if (one.type === "time") words.push("a time with a zone, such as 2026-01-31T09:30:00Z");
  if (one.minimum) words.push(`at least ${one.minimum}`);
  if (one.maximum) words.push(`at most ${one.maximum}`);
  if (one.pattern) words.push(`matches ${one.pattern}`);
  if (one.max_length !== null) words.push(`at most ${one.max_length} characters`);
  return words.join(", ");
}

interface ParameterProps {
  parameter: Parameter;
  value: string;
  onChange: (value: string) => void;
}

function ParameterField({ parameter, value, onChange }: ParameterProps) {
  const { name, description, required } = parameter;
  const choices = parameter.type === "boolean" ? ["true", "false"] : parameter.values;
  const hint = [description, ruleOf(parameter)].filter(Boolean).join(" · ");
  return (
    <Field label={name} hint={hint} required={required}>
      {(id) =>
        choices.length ? (
          <select id={id} value={value} required={required} onChange={(event) => onChange(event.currentTarget.value)}>
            {(!required || !value) && <option value="">{required ? "choose one" : "none"}</option>}
            {choices.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        ) : (
          <input
            id={id}
            value={value}
            required={required && parameter.type !== "string"}
            spellcheck={false}
            autocomplete="off"
            inputMode={parameter.type === "integer" ? "numeric" : parameter.type === "number" ? "decimal" : undefined}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
        )
      }
    </Field>
  );
}

interface FieldProps {
  label: string;
  hint: string;
  required?: boolean;
  children: (id: string) => preact.JSX.Element;
}

function Field({ label, hint, required = false, children }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>
        {label}
        {required && <span class="muted"> (required)</span>}
      </label>
      {children(id)}
      {hint && <span class="muted hint">{hint}</span>}
    </div>
  );
}
