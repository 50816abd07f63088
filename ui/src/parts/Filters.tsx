// The boxes in the head of a list, which say what the list shows.

import { useEffect, useRef, useState } from "preact/hooks";

interface SearchProps {
  label: string;
  hint: string;
  value: string;
  onChange: (text: string) => void;
}

/** A text that is looked for while it is typed. */
export function Search({ label, hint, value, onChange }: SearchProps) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => setText(value), [value]);
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={hint}
      value={text}
      onInput={(event) => {
        const typed = event.currentTarget.value;
        setText(typed);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onChange(typed), 200);
      }}
    />
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}

export function Choice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
      {options.map(([key, words]) => (
        <option key={key} value={key}>
          {words}
        </option>
      ))}
    </select>
  );
}

interface AskedProps {
  label: string;
  hint: string;
  value: string;
  type?: "search" | "text";
  /** The id of a list of suggestions. */
  list?: string;
  isWrong?: boolean;
  onType?: (text: string) => void;
  onChange: (text: string) => void;
}

/** A text that is looked for once it is complete: by Enter, or as the focus leaves. */
export function Asked({ label, hint, value, type = "text", list, isWrong = false, onType, onChange }: AskedProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const apply = () => text !== value && onChange(text);
  return (
    <form
      class="asked"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <input
        {...{ type, list, value: text }}
        aria-label={label}
        placeholder={hint}
        title={label}
        aria-invalid={isWrong}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => {
          setText(event.currentTarget.value);
          onType?.(event.currentTarget.value);
        }}
        onChange={apply}
      />
    </form>
  );
}
