// What runs a job: a field for each setting that its executor knows, with the server's descriptions.

import { useId, useRef } from "preact/hooks";
import type { JobFields } from "../../api/client";
import { nameOfSetting } from "../../model/settings";
import { Labelled } from "./Labelled";
import { Pairs } from "./Pairs";

type Pair = [string, string];
type Known = JobFields["executors"][number];
type Key = Known["keys"][number];

/** Settings that take more than a line. */
const LONG: ReadonlySet<string> = new Set(["command", "body", "message", "message.body"]);

/** Settings that are shown at once, whether they are set or not. */
const FIRST: ReadonlySet<string> = new Set(["command", "image"]);

interface Props {
  executor: string;
  config: Pair[];
  /** Undefined until the server has described the executors. */
  known: readonly Known[] | undefined;
  onChange: (executor: string, config: Pair[]) => void;
  onFocus: () => void;
}

export function Executor({ executor, config, known, onChange, onFocus }: Props) {
  const left = useRef(new Map<string, Pair[]>());
  const keys = known?.find((each) => each.name === executor)?.keys;
  const names = new Set(keys?.map((key) => key.name));
  const values = new Map(config);
  const others = config.filter(([name]) => !names.has(name));
  const set = (name: string, value: string) => {
    const has = values.has(name);
    const next = config.map(([key, text]): Pair => [key, key === name ? value : text]);
    if (!has) next.push([name, value]);
    onChange(
      executor,
      next.filter(([key, text]) => key !== name || text !== ""),
    );
  };
  const change = (to: string) => {
    // Another executor has other settings: the settings of this one come back with it.
    left.current.set(executor, config);
    const shared = new Set(known?.find((each) => each.name === to)?.keys.map((key) => key.name));
    onChange(to, left.current.get(to) ?? config.filter(([name]) => !known || shared.has(name)));
  };
  // Which settings come first is decided once, so that no field moves while it is typed in.
  const begun = useRef(new Map<string, readonly Key[]>());
  if (keys && !begun.current.has(executor)) {
    const has = (key: Key) => key.required || values.has(key.name) || FIRST.has(key.name);
    // The image stands beside the executor, in the first row.
    const isImage = ({ name }: Key) => Number(name === "image");
    begun.current.set(
      executor,
      keys.filter(has).sort((a, b) => isImage(b) - isImage(a)),
    );
  }
  const first = begun.current.get(executor) ?? [];
  const more = (keys ?? []).filter((key) => !first.includes(key));
  const options = known?.map((each) => each.name) ?? [];
  const setting = (key: Key) => (
    <Setting key={key.name} of={key} value={values.get(key.name) ?? ""} onChange={(value) => set(key.name, value)} />
  );
  return (
    <fieldset class="executor wide-field" onFocusIn={onFocus}>
      <legend>What runs it</legend>
      <div class="settings">
        <Labelled label="Executor">
          {(id) => (
            <select id={id} value={executor} onChange={(event) => change(event.currentTarget.value)}>
              {!options.includes(executor) && <option>{executor}</option>}
              {known?.map((each) => (
                <option key={each.name} value={each.name}>
                  {each.name}: {each.description.replaceAll("`", "")}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        {first.map(setting)}
      </div>
      {more.length > 0 && (
        <details>
          <summary>{more.length} more settings</summary>
          <div class="settings">{more.map(setting)}</div>
        </details>
      )}
      {keys && keys.length > 0 && (
        <p class="muted hint">
          A value may come from a Secret of the namespace: <code>secretRef:SECRET/KEY</code>.
        </p>
      )}
      {executor === "kubernetes" && (
        <p class="note">Its Job is in the manifest of the DkronJob: change it with kubectl.</p>
      )}
      {(!keys || others.length > 0) && (
        <Pairs
          key={executor}
          label={keys ? "Other settings" : "Executor settings"}
          hint={keys ? `${executor} ignores these` : ""}
          pairs={others}
          onChange={(pairs) => onChange(executor, [...config.filter(([name]) => names.has(name)), ...pairs])}
        />
      )}
    </fieldset>
  );
}

interface SettingProps {
  of: Key;
  value: string;
  onChange: (value: string) => void;
}

function Setting({ of, value, onChange }: SettingProps) {
  const id = useId();
  const described = `${id}-about`;
  const common = { id, "aria-describedby": described };
  const help = (
    <p id={described} class="muted hint">
      <Text of={of.description} />
      {of.default && !of.switch && ` Default: ${of.default}.`}
    </p>
  );
  if (of.switch) {
    return (
      <div class="field">
        <label class="check">
          <input
            {...common}
            type="checkbox"
            checked={value !== "" && value !== "false"}
            onChange={(event) => onChange(event.currentTarget.checked ? "true" : "")}
          />
          <Name of={of.name} />
        </label>
        {help}
      </div>
    );
  }
  const isLong = LONG.has(of.name) || value.includes("\n");
  return (
    <div class={isLong ? "field wide-field" : "field"}>
      <label for={id}>
        <Name of={of.name} /> {of.required && <span class="muted">required</span>}
      </label>
      {isLong ? (
        <textarea
          {...common}
          rows={3}
          spellcheck={false}
          required={of.required}
          value={value}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      ) : (
        <input
          {...common}
          spellcheck={false}
          required={of.required}
          placeholder={of.default}
          value={value}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
      {help}
    </div>
  );
}

/** What people call it, and its key in a manifest. */
function Name({ of }: { of: string }) {
  const name = nameOfSetting(of);
  return name ? (
    <>
      {name} <code class="key">{of}</code>
    </>
  ) : (
    <code>{of}</code>
  );
}

/** A text with code in backticks. */
function Text({ of }: { of: string }) {
  return <>{of.split("`").map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}</>;
}
