// The one guard of all texts, for every view: characters that would turn the order of others around are shown as codes,
// in texts and in what is said of them. Imported before anything is drawn.

import { options } from "preact";
import { inOrder } from "../model/ansi";

/** The attributes that a reader sees or hears. The value of a field is not among them: it is sent back as it is. */
const SHOWN = ["title", "alt", "placeholder", "label", "aria-label", "aria-description", "aria-valuetext"] as const;

const before = options.vnode;

options.vnode = (vnode) => {
  // Preact makes a node without a type of each text, whose properties are that text.
  const node: { type: unknown; props: unknown } = vnode;
  if (node.type === null && typeof node.props === "string") node.props = inOrder(node.props);
  else if (typeof node.type === "string") guardAttributes(node.props as Record<string, unknown>);
  before?.(vnode);
};

function guardAttributes(props: Record<string, unknown>): void {
  for (const name of SHOWN) {
    const text = props[name];
    if (typeof text === "string") props[name] = inOrder(text);
  }
}
