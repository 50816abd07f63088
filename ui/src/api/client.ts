// The REST API, by the types of its OpenAPI document: a change of the API that this page does not know fails tsc.

import createClient, { type Middleware } from "openapi-fetch";
import { API_BASE, HOME_BASE } from "./address";
import type { components, paths } from "./schema";
import { expired, token } from "./token";

type Schemas = components["schemas"];
type Sent = Extract<Schemas["job"], { name: string }>;
type Stored = Pick<Schemas["stored_job"], keyof Schemas["stored_job"]>;
/** A job as it is stored: every field is there, but `problem`. */
export type Job = Required<Omit<Sent, keyof Stored>> & Stored;
/** A job as clients send it. */
export type JobBody = Schemas["job"];
export type Execution = Schemas["execution"];
export type Member = Schemas["member"];
export type Whoami = Schemas["whoami"];
export type StateWord = Schemas["state_word"];
export type Summary = Schemas["summary"];
export type Explanation = Schemas["explanation"];
export type JobFields = Schemas["job_fields"];

/** Why a request failed, as a sentence for a person. `status` is 0 if there was no answer. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export const NO_ANSWER = "The server does not answer. The page keeps trying.";
/** A write may have arrived although no answer did, and what is not idempotent must not be sent twice. */
const NO_ANSWER_TO_WRITE =
  "The server does not answer, and this is not tried again by itself. Once it is back, see whether it was done.";

/** The headers that show who asks. */
export function credentials(): Record<string, string> {
  return token.value ? { Authorization: `Bearer ${token.value}` } : {};
}

const querySerializer = { array: { style: "form", explode: false } } as const;
export const api = createClient<paths>({ baseUrl: API_BASE, querySerializer });
/** The same API without the namespace of this page. */
export const homeApi = createClient<paths>({ baseUrl: HOME_BASE, querySerializer });
const signed: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(credentials())) request.headers.set(name, value);
    return request;
  },
  onError({ request, error }) {
    if (isAbort(error) || request.method === "GET") return undefined;
    return new Refusal(0, NO_ANSWER_TO_WRITE);
  },
  onResponse({ request, response }) {
    // An answer to the token before says nothing about this one.
    const sent = request.headers.get("Authorization") ?? "";
    if (response.status === 401 && sent === (credentials().Authorization ?? "")) expired();
  },
};
api.use(signed);
homeApi.use(signed);

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of an answer. Throws `Refusal` for any but a 2xx, and ends the session after a 401. */
export async function ask<T>(request: Promise<Answer<T>>): Promise<T> {
  return (await asked(request)).data as T;
}

/** A job that is stored: the description says as a union that one of two fields has to be there. */
export async function askJob(request: Promise<Answer<object>>): Promise<Job> {
  return (await asked(request)).data as Job;
}

/** A run that was requested, with the id of the execution that shows it from now on; empty if the server gives none. */
export class Begun {
  constructor(
    readonly job: string,
    readonly execution: string,
  ) {}
}

/** The run of this job that an answer promises. */
export async function askRun(job: string, request: Promise<Answer<object>>): Promise<Begun> {
  const { response } = await asked(request);
  return new Begun(job, response.headers.get("X-Execution-Id") ?? "");
}

/** A list, with how many entries there are before it was cut to a page. */
export async function askList<T>(request: Promise<Answer<T[]>>): Promise<{ items: T[]; total: number }> {
  const { data, response } = await asked(request);
  const items = data ?? [];
  return { items, total: Number(response.headers.get("X-Total-Count") ?? items.length) };
}

/** Entries of a list that is read page by page. */
export interface Page<T> {
  readonly items: readonly T[];
  /** What asks for the next page; empty if this is the last one. */
  readonly after: string;
  /** How many entries there are in all; undefined where that is not known. */
  readonly total: number | undefined;
  /** Whether a search looked at all that this page is about. */
  readonly isComplete: boolean;
  /** Why entries may be missing, as a sentence; empty if none are. */
  readonly warning: string;
}

/** A page of a list, with the token for the next one. */
export async function askPage<T>(request: Promise<Answer<T[]>>): Promise<Page<T>> {
  const { data, response } = await asked(request);
  const total = response.headers.get("X-Total-Count");
  return {
    items: data ?? [],
    after: response.headers.get("X-Next-After") ?? "",
    total: total === null ? undefined : Number(total),
    isComplete: response.headers.get("X-Search-Complete") !== "false",
    warning: warningIn(response),
  };
}

/** The sentence of a header Warning; empty without one. */
export function warningIn(response: Response): string {
  const header = response.headers.get("Warning") ?? "";
  return /"(.*)"/s.exec(header)?.[1]?.replace(/\\(.)/g, "$1") ?? "";
}

async function asked<T>(request: Promise<Answer<T>>): Promise<Answer<T>> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch (error) {
    if (isAbort(error) || error instanceof Refusal) throw error;
    throw new Refusal(0, NO_ANSWER);
  }
  if (answer.response.ok) return answer;
  const text = typeof answer.error === "string" && answer.error ? answer.error : answer.response.statusText;
  throw new Refusal(answer.response.status, text || `the server answered with ${answer.response.status}`);
}

/** The error for a stream that is refused; a token that is not valid any more ends the session. */
export function refused(status: number, text: string): Refusal {
  if (status === 401) expired();
  return new Refusal(status, text || `the server answered with ${status}`);
}
