// Who the reader is, and what they may do: what they may not do is not offered.

import { signal } from "@preact/signals";
import { api, ask, type Whoami } from "../api/client";
import { forgetSignOn, locked, signOut } from "../api/token";
import { serverTime } from "./clock";

/** Undefined until the API has said who the reader is. */
export const whoami = signal<Whoami | undefined>(undefined);

/** A right in the words of the API: `create dkronjobs/run`. */
export type Right = Whoami["rights"][number];

/** Ask the API who the reader is. Throws `Refusal`. */
export async function identify(): Promise<void> {
  const request = api.GET("/v1/whoami", {});
  const found = await ask(request);
  const { response } = await request;
  serverTime(response.headers.get("Date"));
  whoami.value = found;
  locked.value = false;
}

/** Forget the token, and the reader with it: the page shows nothing of theirs any more. */
export function leave(): void {
  signOut();
  forgetSignOn();
  whoami.value = undefined;
}

/** Whether the reader may do this to every job, or in the installation. */
export function may(right: Right): boolean {
  return whoami.value?.rights.includes(right) ?? false;
}
