/** The answer of a token route: what `client.realtime.token(…)` returns in Python. */
export type Token = {
  readonly key: string;
  readonly apiBaseUrl: string;
  readonly topics?: readonly string[] | undefined;
  /** The names of the channels that it is for. */
  readonly channels?: readonly string[] | undefined;
  /** Whether messages are missing: of those after `since`, some are no longer retained. */
  readonly reset?: boolean | undefined;
};

/** What a token function gets: the signal of its attempt, and for `useChannel` the `since` to pass on to the route. */
export type TokenRequest = {
  readonly signal: AbortSignal;
  /** As `client.realtime.token` takes it: a time or "latest". */
  readonly since?: string;
};

/** The URL of a token route, or a function that fetches a token, or that route's response, for each attempt. */
export type TokenSource = string | ((request: TokenRequest) => Promise<Token | Response>);

/** The reason for having no connection, as a program reads it. docs/subscribe.md describes each code. */
export type ReasonCode =
  | "unreachable"
  | "unauthorized"
  | "expired"
  | "forbidden"
  | "not-found"
  | "origin"
  | "host"
  | "dev-mode"
  | "channel"
  | "topic"
  | "topics-limit"
  | "position"
  | "full"
  | "unavailable"
  | "server"
  | "closing"
  | "upgrade-required"
  | "protocol";

/** The reason for having no connection. `message` is a sentence with the remedy, `cause` what a token function threw. */
export type Reason = {
  readonly code: ReasonCode;
  readonly message: string;
  readonly status?: number;
  readonly cause?: unknown;
};

/** The end of an attempt or of a stream: its reason, and whether another attempt follows. */
export type Failure = {
  readonly reason: Reason;
  /** When it ends the subscription: always, if it happens twice in a row, if no stream was ever open, or never. */
  readonly ends: "always" | "repeated" | "unopened" | "never";
  /** The seconds of the server's `Retry-After`. */
  readonly retryAfter?: number | undefined;
};

/** Return whether a failure ends the subscription, given whether a stream was ever open, and the refusals in a row. */
export function isFinal({ ends }: Failure, hasOpened: boolean, refusals: number): boolean {
  return ends === "always" || (ends === "unopened" && !hasOpened) || refusals > 1;
}

/** Receives what a stream brings. */
export type Sink = {
  open(): void;
  /** Note that the connection is alive: a frame has come, or a part of one. */
  alive(): void;
  frame(frame: Frame): void;
};
export type Frame = { readonly [key: string]: unknown };

const AGAIN = "It is tried again.";

// The parts of a browser's `WebSocket` that are used here: compilers without the library "DOM" know none.
type Socket = {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: (() => void) | null;
  onclose: ((event: { readonly code: number }) => void) | null;
  close(): void;
};
const scope = globalThis as unknown as { readonly WebSocket?: new (url: string) => Socket };

/** Return whether this platform has a `WebSocket`; Node has one from version 22 on. */
export function hasWebSocket(): boolean {
  return scope.WebSocket !== undefined;
}

/** Request a token route by its URL, or call a token function. */
export function requestToken(source: TokenSource, signal: AbortSignal): Promise<Token | Response> {
  if (typeof source !== "string") return source({ signal });
  return fetch(source, { signal, headers: { accept: "application/json" }, cache: "no-store" });
}

/** Fetch a token. Returns undefined if the signal interrupts it. */
export async function fetchToken(source: TokenSource, signal: AbortSignal): Promise<Token | Failure | undefined> {
  try {
    const answer = await unlessAborted(requestToken(source, signal), signal);
    if (!isResponse(answer)) return checkToken(answer);
    if (!answer.ok) return await failureOf(answer, "token route");
    if (/\bhtml\b/.test(answer.headers.get("content-type") ?? "")) return noToken(describePage(answer));
    const token = await unlessAborted(answer.json(), signal).catch((cause: unknown) => {
      if (cause instanceof SyntaxError) return undefined;
      throw cause; // the server died while it answered
    });
    return checkToken(token as Token | undefined);
  } catch (cause) {
    if (signal.aborted) return undefined;
    return { reason: { code: "unreachable", message: noAnswer(source, cause), cause }, ends: "never" };
  }
}

/** Explain why there is no answer: a token function may have thrown an error of its own. */
function noAnswer(source: TokenSource, cause: unknown): string {
  if (typeof source === "string" || isOfFetch(cause)) {
    return "No answer from the token route: it is down, or a page of this origin may not read its answers.";
  }
  const name = cause instanceof Error ? ` (${cause.name})` : "";
  return `The token function threw an error${name}, which is the reason's \`cause\`. ${AGAIN}`;
}

/** Return whether `fetch` threw this error for want of an answer. Browsers and Node word it differently. */
function isOfFetch(cause: unknown): boolean {
  return cause instanceof TypeError && /\bfetch\b|^NetworkError|^Load failed/.test(cause.message);
}

/** Describe a token route's answer that is a page, with the remedy. */
function describePage(answer: Response): string {
  const after = answer.redirected ? `, after a redirect to ${new URL(answer.url).pathname}` : "";
  return `is a page of HTML${after}: check its URL, and that a development server passes it on to the application`;
}

/** Return the token, or why it can't be used. */
function checkToken(token: Token | null | undefined): Token | Failure {
  if (typeof token?.key !== "string" || token.key === "") {
    return noToken('has no "key": return what client.realtime.token(…) returns');
  }
  try {
    if (/^https?:$/.test(new URL(token.apiBaseUrl).protocol)) return token;
  } catch {
    // It is no URL.
  }
  return noToken('has no "apiBaseUrl": it is the origin of the gateway, such as https://rt.example.com');
}

/** Return why a token can't be used for these channels and topics; undefined if it can, or doesn't name its own. */
export function beyondToken(token: Token, channels: Iterable<string>, topics: Iterable<string>): Failure | undefined {
  return missing("channel", channels, token.channels) ?? missing("topic", topics, token.topics);
}

function missing(code: "channel" | "topic", wanted: Iterable<string>, allowed: unknown): Failure | undefined {
  if (!Array.isArray(allowed) || allowed.includes("*")) return undefined;
  const names = [...wanted].filter((name) => !allowed.includes(name)).map((name) => `"${name}"`);
  if (names.length === 0) return undefined;
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  const [what, it] = names.length === 1 ? [code, "it"] : [`${code}s`, "them"];
  const old = code === "topic" ? ", or reload a page that is older than its server" : "";
  const message = `The token isn't for the ${what} ${names.slice(0, 3).join(", ")}${more}. Mint a token for ${it} too${old}.`;
  return { reason: { code, message }, ends: "always" };
}

function noToken(problem: string): Failure {
  return { reason: { code: "protocol", message: `The token route's answer ${problem}.` }, ends: "unopened" };
}

function isResponse(answer: Token | Response): answer is Response {
  return typeof (answer as Response | undefined)?.json === "function";
}

/** Follow a stream until it ends; `url` is that of the route for this transport. Returns undefined if the signal ends it. */
export function follow(
  url: URL,
  transport: "websocket" | "sse",
  sink: Sink,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const following = transport === "websocket" ? followSocket(url, sink, signal) : followEvents(url, sink, signal);
  // After an abort, reading may never return: in Node 20 it doesn't at the end of a body.
  return unlessAborted(following, signal).catch(() => undefined);
}

function followSocket(url: URL, sink: Sink, signal: AbortSignal): Promise<Failure | undefined> {
  const target = new URL(url);
  target.protocol = url.protocol === "http:" ? "ws:" : "wss:";
  return new Promise((resolve) => {
    let isOpen = false;
    let socket: Socket;
    try {
      socket = new scope.WebSocket!(target.href);
    } catch {
      const message = hasWebSocket()
        ? "The browser refuses this WebSocket: a page of https needs a gateway with https."
        : "There is no WebSocket here; Node has one from version 22 on. Leave `transport` out, or make it \"sse\".";
      resolve({ reason: { code: "protocol", message }, ends: "unopened" });
      return;
    }
    const end = (failure?: Failure | Promise<Failure | undefined>): void => {
      signal.removeEventListener("abort", leave);
      socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
      resolve(failure);
    };
    const leave = (): void => {
      end();
      socket.close();
    };
    signal.addEventListener("abort", leave);
    socket.onopen = () => {
      isOpen = true;
      sink.open();
    };
    socket.onmessage = ({ data }) => {
      sink.alive();
      readFrame(data, sink);
    };
    // Where no connection was made, some implementations call `onerror` and no `onclose`.
    socket.onerror = () => isOpen || end(probe(url, signal));
    socket.onclose = ({ code }) => end(isOpen ? lost(code) : probe(url, signal));
  });
}

/** Request the same URL over HTTP to learn why a WebSocket failed: a browser doesn't tell. */
export async function probe(url: URL, signal: AbortSignal): Promise<Failure | undefined> {
  try {
    return await failureOf(await fetch(url, { signal, cache: "no-store", redirect: "manual" }), "gateway");
  } catch {
    return signal.aborted ? undefined : unreachable(url);
  }
}

async function followEvents(url: URL, sink: Sink, signal: AbortSignal): Promise<Failure | undefined> {
  let response: Response;
  try {
    const headers = { accept: "text/event-stream" };
    response = await fetch(url, { signal, headers, cache: "no-store", redirect: "manual" });
    const type = response.headers.get("content-type") ?? "";
    if (response.status !== 200 || !type.startsWith("text/event-stream") || response.body === null) {
      return await failureOf(response, "gateway");
    }
  } catch {
    return signal.aborted ? undefined : unreachable(url);
  }
  sink.open();
  const reader = response.body.getReader();
  try {
    const decoder = new TextDecoder();
    const events = new EventReader(sink);
    while (!signal.aborted) {
      const { done, value } = await reader.read();
      if (done) break;
      sink.alive();
      events.push(decoder.decode(value, { stream: true }));
    }
  } catch {
    // The connection was cut.
  }
  return signal.aborted ? undefined : lost();
}

/** Reads server-sent events. An event with an id and no data is a ping with that position. */
class EventReader {
  readonly #sink: Sink;
  #rest = "";
  #data: string[] = [];
  #id = "";

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line.endsWith("\r") ? line.slice(0, -1) : line);
  }

  #line(line: string): void {
    if (line.startsWith("data:")) this.#data.push(line.slice(5));
    else if (line.startsWith("id:")) this.#id = line.slice(3).trim();
    if (line !== "") return;
    if (this.#data.length > 0) readFrame(this.#data.join("\n"), this.#sink);
    else if (this.#id !== "") this.#sink.frame({ kind: "ping", metadata: { position: this.#id } });
    this.#data = [];
    this.#id = "";
  }
}

function readFrame(text: unknown, sink: Sink): void {
  const frame = typeof text === "string" ? parseJson(text) : undefined;
  if (typeof frame === "object" && frame !== null) sink.frame(frame as Frame);
}

/** Parse JSON. Returns undefined for any other text. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// -- reasons -------------------------------------------------------------------------------------------------

const BY_STATUS: { readonly [status: number]: ReasonCode } = {
  401: "unauthorized",
  403: "forbidden",
  404: "not-found",
  421: "host",
  426: "upgrade-required",
};
const REMEDIES: { readonly [code in ReasonCode]: string } = {
  unreachable: AGAIN,
  unauthorized: "The token route must return a fresh token, signed with this gateway's token secret.",
  expired: "The token route must return a fresh token at each request.",
  forbidden: "Something in front of the gateway refuses this page.",
  "not-found": "Check that apiBaseUrl is the gateway's origin, and that it is mounted at the root.",
  origin: "Add this page's origin to the gateway's allowed_origins.",
  host: "Add the host of apiBaseUrl to allowed_hosts, or correct public_url.",
  "dev-mode": "Serve the gateway without dev mode.",
  channel: "Check the channel's name.",
  topic: "Mint the token for these channels and topics.",
  "topics-limit": "Follow fewer channels in one subscription, or raise Limits(topics=…).",
  position: "Subscribe again without it.",
  full: AGAIN,
  unavailable: AGAIN,
  server: AGAIN,
  closing: AGAIN,
  "upgrade-required": "A proxy in front of it must pass WebSockets.",
  protocol: "Check that apiBaseUrl is the gateway's origin.",
};
const ROUTE_REMEDIES: { readonly [code in ReasonCode]?: string } = {
  unauthorized: "Sign in, and subscribe again.",
  forbidden: "This user may not see these channels.",
  "not-found": "Check its URL.",
  server: AGAIN,
};

/** Turn a response that is neither a token nor a stream into a failure. */
async function failureOf(response: Response, who: "gateway" | "token route"): Promise<Failure> {
  const { status } = response;
  const isGateway = who === "gateway";
  const body = isGateway ? await bodyOf(response) : {};
  const isBusy = status === 408 || status === 425 || status === 429 || status >= 500;
  const isKnown = typeof body.code === "string" && Object.hasOwn(REMEDIES, body.code);
  const code = isKnown ? (body.code as ReasonCode) : isBusy ? "server" : (BY_STATUS[status] ?? "protocol");
  const detail = typeof body.error === "string" ? `: ${body.error}` : "";
  const answered = response.type === "opaqueredirect" ? "redirects" : `answered ${status}${detail}`;
  const remedy = (isGateway ? REMEDIES : ROUTE_REMEDIES)[code] ?? "Check what it returns.";
  return {
    reason: { code, message: `The ${who} ${answered}. ${remedy}`, status },
    ends: isBusy || status === 426 ? "never" : endOf(status, isGateway, body.status === status),
    retryAfter: isBusy ? secondsOf(response.headers.get("retry-after")) : undefined,
  };
}

/** Return when a status ends the subscription; `isGatewaysOwn` if its body is a gateway's. */
function endOf(status: number, isGateway: boolean, isGatewaysOwn: boolean): Failure["ends"] {
  // A token may expire between its route and the gateway.
  if (status === 401) return isGateway ? "repeated" : "always";
  // While a gateway restarts, a proxy in front of it may answer for it.
  return status === 403 || (status === 404 && !isGateway) || isGatewaysOwn ? "always" : "unopened";
}

async function bodyOf(response: Response): Promise<{ error?: unknown; code?: unknown; status?: unknown }> {
  const body = parseJson(await response.text().catch(() => ""));
  return typeof body === "object" && body !== null ? body : {};
}

/** Read `Retry-After`: seconds, or a date; five minutes at most. */
function secondsOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), 300);
}

function unreachable(url: URL): Failure {
  const message = `No answer from ${url.origin}: it is down, or this page's origin isn't in its allowed_origins.`;
  return { reason: { code: "unreachable", message }, ends: "never" };
}

/** Describe the end of a connection that was open; `code` is that of a WebSocket. */
export function lost(code?: number): Failure {
  if (code === 1012) return RESTARTS;
  const message = `The connection was lost${code === undefined ? "" : ` (code ${code})`}. ${AGAIN}`;
  return { reason: { code: "unreachable", message }, ends: "never" };
}

/** Describe an attempt that took longer than `time`, in milliseconds. */
export function late(who: "The gateway" | "The token route", time: number): Failure {
  const why = "it hangs, a proxy holds it back, or the browser has six streams open to it (HTTP/1.1)";
  const message = `${who} gave no answer in ${time / 1000} seconds: ${why}. ${AGAIN}`;
  return { reason: { code: "unreachable", message }, ends: "never" };
}

/** The failure of a stream that ends because the gateway shuts down. */
export const RESTARTS: Failure = {
  reason: { code: "closing", message: `The gateway restarts. ${AGAIN}` },
  ends: "never",
};

/** Wait for a promise; reject as soon as the signal is aborted. */
function unlessAborted<T>(promise: T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(new Error("interrupted"));
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave);
    void Promise.resolve(promise)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", leave));
  });
}
