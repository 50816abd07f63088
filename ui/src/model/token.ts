// The claims of a token that can be read. Pure.

import { claimsOf } from "../api/oidc";

/** When a JSON Web Token ends, in milliseconds since 1970; undefined for other tokens, and for one without an end. The
 * server decides whether it is valid. */
export function endOf(token: string): number | undefined {
  const { exp } = claimsOf(token);
  return typeof exp === "number" && Number.isFinite(exp) ? exp * 1000 : undefined;
}
