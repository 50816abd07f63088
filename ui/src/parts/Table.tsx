// The table of a list: what its columns are called, and the rows that it is given.

import type { ComponentChildren } from "preact";

/** A column: its title, and the classes of its heading. A title that is `spoken` is only for screen readers. */
export interface Column {
  title: string;
  kind?: string;
  spoken?: boolean;
}

interface Props {
  /** The content of the table, for screen readers. */
  caption: string;
  columns: readonly Column[];
  children: ComponentChildren;
}

export function Table({ caption, columns, children }: Props) {
  return (
    <div class="scroll">
      <table class="list">
        <caption class="spoken">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, kind, spoken }) => (
              <th key={title} scope="col" class={kind}>
                {spoken ? <span class="spoken">{title}</span> : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
