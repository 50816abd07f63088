// Addresses in a text that is shown as links. Pure.

export interface Part {
  readonly text: string;
  /** Where it leads; it is the same as the text, so that a link never shows another address than its own. */
  readonly href?: string;
}

// Only characters of a URI: none that looks like another, or turns the order around, is part of a link.
const ADDRESS = /\bhttps?:\/\/[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+/g;
/** What ends a sentence, rather than an address. */
const TRAILING = /[.,;:!?')\]]+$/;

/** The text in parts: addresses of http and https are links, unless they name a user, which hides where they lead. */
export function linked(text: string): Part[] {
  const found: Part[] = [];
  let at = 0;
  for (const { 0: match, index } of text.matchAll(ADDRESS)) {
    const href = match.replace(TRAILING, "");
    if (!isPlain(href)) continue;
    if (index > at) found.push({ text: text.slice(at, index) });
    found.push({ text: href, href });
    at = index + href.length;
  }
  if (at < text.length) found.push({ text: text.slice(at) });
  return found;
}

function isPlain(address: string): boolean {
  try {
    const { protocol, username, password } = new URL(address);
    return /^https?:$/.test(protocol) && !username && !password;
  } catch {
    return false;
  }
}
