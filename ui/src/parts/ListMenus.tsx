// Menus of the list of jobs: the views that the reader has saved, and the columns that are shown.

import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { COLUMNS, type ColumnKey } from "../model/columns";
import { withView } from "../model/savedViews";
import { columns, savedViews } from "../state/preferences";
import { Menu } from "./Menu";

/** `query` is the list's query as it is. */
export function SavedViews({ query }: { query: string }) {
  const [name, setName] = useState("");
  const views = savedViews.value;
  const save = (event: Event) => {
    event.preventDefault();
    savedViews.value = withView(views, { name, query });
    setName("");
  };
  return (
    <Menu label="Views" words="Views">
      {views.map((view) => (
        <div key={view.name} class="saved">
          <Link class="button" href={`/jobs?${view.query}`} aria-current={view.query === query ? "page" : undefined}>
            {view.name}
          </Link>
          <button
            type="button"
            aria-label={`Forget the view ${view.name}`}
            onClick={() => (savedViews.value = views.filter((each) => each !== view))}
          >
            ×
          </button>
        </div>
      ))}
      {query ? (
        <form key=" save" onSubmit={save}>
          <input
            aria-label="Name of this view"
            placeholder="Name of this view"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <button type="submit" disabled={!name.trim()}>
            Save
          </button>
        </form>
      ) : (
        <p key=" hint" class="muted">
          Filter or sort the list, and save it here under a name. This browser keeps it.
        </p>
      )}
    </Menu>
  );
}

export function ColumnChoice() {
  const shown = columns.value;
  const set = (key: ColumnKey, isShown: boolean) => {
    columns.value = COLUMNS.map((each) => each.key).filter((each) => (each === key ? isShown : shown.includes(each)));
  };
  return (
    <Menu label="Columns" words="Columns">
      {COLUMNS.map(({ key, title }) => (
        <label key={key} class="check">
          <input
            type="checkbox"
            checked={shown.includes(key)}
            onChange={(event) => set(key, event.currentTarget.checked)}
          />
          {title}
        </label>
      ))}
    </Menu>
  );
}
