// The server's description of itself in the index, before the page asks it anything.

const said = document.querySelector<HTMLMetaElement>('meta[name="sign-in"]');

/** Whether the API wants a token of its callers. */
export const WANTS_TOKEN = said !== null;

export interface Issuer {
  /** As its tokens have it in `iss`. */
  readonly url: string;
  /** The client id of this page there. */
  readonly client: string;
}

/** Who may sign the reader on; undefined where no issuer does. */
export const ISSUER = issuerOf(said?.dataset ?? {});

const base = new URL(document.baseURI);
/** Where the page begins, and where a sign-on comes back to. */
export const ROOT = base.origin + base.pathname;

function issuerOf({ issuer, client }: { issuer?: string; client?: string }): Issuer | undefined {
  return issuer && client ? { url: issuer, client } : undefined;
}
