/** How long an answer may take. */
const TIMEOUT_MS = 10_000;

/** A request without the answer it wants. The message is for the person at the page. */
export class RequestFailed extends Error {
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.name = "RequestFailed";
    this.status = status;
  }
}

interface RequestOptions {
  readonly method?: "GET" | "POST" | "PUT";
  readonly json?: unknown;
  readonly signal?: AbortSignal;
}

/** Get a session, or keep the one there is. */
export async function signIn(signal?: AbortSignal): Promise<void> {
  const response = await answered("/api/session", signal === undefined ? { method: "POST" } : { method: "POST", signal });
  if (response.status !== 204) throw new RequestFailed("The server's answer can't be read.", response.status);
}

let renewing: Promise<void> | undefined;

/** Get a new session: one for all who find theirs gone, or the answer that comes last would take it from the others. */
function renewSession(): Promise<void> {
  renewing ??= signIn().finally(() => {
    renewing = undefined;
  });
  return renewing;
}

/**
 * Ask the server, and return its answer's JSON; undefined where the answer has no content.
 *
 * Throws `RequestFailed` if there is no answer in time, or another one than hoped for.
 */
export async function request(path: string, options: RequestOptions = {}): Promise<unknown> {
  const response = await withSession(() => answered(path, options));
  if (response.status === 204) return undefined;
  try {
    return await response.json();
  } catch {
    throw new RequestFailed("The server's answer can't be read.", response.status);
  }
}

/** Ask a token route. Its answer is for the hook, which looks at the status. */
export async function fetchToken(path: string, query: Record<string, string> | string[][], signal?: AbortSignal): Promise<Response> {
  const url = `${path}?${new URLSearchParams(query).toString()}`;
  const init: RequestInit = { cache: "no-store", ...(signal !== undefined && { signal }) };
  const response = await fetch(url, init);
  if (response.status !== 401) return response;
  await renewSession();
  return await fetch(url, init);
}

/** Do what needs a session; without one, sign in and do it once more. */
export async function withSession<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RequestFailed) || error.status !== 401) throw error;
  }
  await renewSession();
  return await work();
}

/** The id of something that the server has made. */
export function madeId(answer: unknown): string {
  if (typeof answer === "object" && answer !== null && "id" in answer && typeof answer.id === "string") return answer.id;
  throw new RequestFailed("The server's answer can't be read.");
}

/** What went wrong, in a sentence for the person at the page. */
export function problemOf(error: unknown): string {
  if (error instanceof RequestFailed) return error.message;
  console.error(error);
  return "Something went wrong on this page.";
}

/** Why a status is no success, with what the server says about it. */
export function refusal(status: number, body: unknown): RequestFailed {
  const detail = typeof body === "object" && body !== null && "detail" in body ? detailOf(body.detail) : "";
  const code = status.toString();
  if (status >= 500) return new RequestFailed(`The server has a problem (${code}). Try again in a moment.`, status);
  return new RequestFailed(detail === "" ? `The server refused this (${code}).` : `The server refused this: ${detail}`, status);
}

async function answered(path: string, { method = "GET", json, signal }: RequestOptions): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const init: RequestInit = { method, signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) };
  if (json !== undefined) {
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(json);
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new RequestFailed(timeout.aborted ? "The server didn't answer." : "The server couldn't be reached.");
  }
  if (response.ok) return response;
  throw refusal(response.status, await response.json().catch(() => undefined));
}

/** FastAPI's `detail`: a sentence, or a list of what is wrong with a request. */
function detailOf(detail: unknown): string {
  if (typeof detail === "string") return detail;
  if (!Array.isArray(detail)) return "";
  return detail.flatMap((one: unknown) => (hasMessage(one) ? [one.msg] : [])).join("; ");
}

function hasMessage(value: unknown): value is { msg: string } {
  return typeof value === "object" && value !== null && "msg" in value && typeof value.msg === "string";
}
