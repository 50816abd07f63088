// Rows of a name and a value. The last row is empty: what is typed there becomes a new pair.

import { useState } from "preact/hooks";

type Pair = [string, string];

interface Props {
  label: string;
  hint?: string;
  pairs: Pair[];
  onChange: (pairs: Pair[]) => void;
  onFocus?: () => void;
}

export function Pairs({ label, hint = "", pairs, onChange, onFocus }: Props) {
  const [rows, setRows] = useState<Pair[]>([...pairs, ["", ""]]);
  const set = (index: number, row: Pair) => {
    const next = rows.map((each, at) => (at === index ? row : each));
    if (index === rows.length - 1 && (row[0] || row[1])) next.push(["", ""]);
    setRows(next);
    onChange(next);
  };
  return (
    <fieldset class="pairs wide-field" onFocusIn={onFocus}>
      <legend>
        {label} {hint && <span class="muted hint">{hint}</span>}
      </legend>
      {rows.map(([key, value], index) => (
        <div class="pair" key={index}>
          <input
            aria-label={`${label}: name ${index + 1}`}
            spellcheck={false}
            value={key}
            placeholder="name"
            onInput={(event) => set(index, [event.currentTarget.value, value])}
          />
          <input
            aria-label={`${label}: value ${index + 1}`}
            spellcheck={false}
            value={value}
            placeholder="value"
            onInput={(event) => set(index, [key, event.currentTarget.value])}
          />
        </div>
      ))}
    </fieldset>
  );
}
