// Where the page and the API are: the server writes the path of /ui/ into <base>, which an Ingress may have moved.

// A sign-on that comes back puts the address from before it back, which names the namespace.
import "./arrival";

/** The namespace in the address, `/ui/ns/team-b/…`; empty for the API's own. */
export const NAMESPACE = namespaceIn(location.pathname, basePath());

/** The beginning of the addresses of this page's views. */
export const PAGE_BASE = NAMESPACE ? `${basePath()}/ns/${NAMESPACE}` : basePath();

/** The beginning of an address, before `/v1`. */
export const API_BASE = `${apiRoot(basePath())}${NAMESPACE ? `/ns/${NAMESPACE}` : ""}`;

/** The beginning of an address, before `/v1`, in the API's own namespace. */
export const HOME_BASE = apiRoot(basePath());

/** The address of this page for another namespace. */
export function addressOf(namespace: string): string {
  return namespace ? `${basePath()}/ns/${namespace}/` : `${basePath()}/`;
}

function basePath(): string {
  return new URL(document.baseURI).pathname.replace(/\/$/, "");
}

/** The path of the API beside `/ui`. */
export function apiRoot(base: string): string {
  return base.replace(/\/ui$/, "");
}

/** The namespace that a path below `base` names. */
export function namespaceIn(path: string, base: string): string {
  const rest = path.startsWith(base) ? path.slice(base.length) : path;
  return /^\/ns\/([a-z0-9]([-a-z0-9]*[a-z0-9])?)(\/|$)/.exec(rest)?.[1] ?? "";
}
