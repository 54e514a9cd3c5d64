/** What a token route answers: what `client.realtime.token(…)` returns on the Python side. */
export type Token = {
  readonly key: string;
  readonly apiBaseUrl: string;
  readonly topics?: readonly string[] | undefined;
  /** The names of the channels that it is for. */
  readonly channels?: readonly string[] | undefined;
  /** Whether messages are missing after its cursor: they aren't retained any more. */
  readonly reset?: boolean | undefined;
};

/** The URL of a token route, or a function that fetches a token, or that route's response, for each attempt. */
export type TokenSource = string | ((signal: AbortSignal) => Promise<Token | Response>);

/** Why there is no connection, for programs. Those of a gateway are in docs/gateway.md. */
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

/** Why there is no connection. `message` is a sentence with the remedy, `cause` what a token function threw. */
export type Reason = {
  readonly code: ReasonCode;
  readonly message: string;
  readonly status?: number;
  readonly cause?: unknown;
};

/** Why an attempt or a stream ended, and what follows from it. */
export type Failure = {
  readonly reason: Reason;
  /** Whether it ends the subscription: always, the second time in a row, before it was ever open, or never. */
  readonly ends: "always" | "second" | "first" | "never";
  /** Seconds that the server asks to wait. */
  readonly retryAfter?: number | undefined;
};

/** Takes what a stream brings. */
export type Sink = {
  open(): void;
  /** Take a sign of life: a frame, or part of one. */
  alive(): void;
  frame(frame: Frame): void;
};
export type Frame = { readonly [key: string]: unknown };

const AGAIN = "It is tried again.";

// As much of a browser's globals as is used here, for compilers without the library "DOM" as well.
type Socket = {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: (() => void) | null;
  onclose: ((event: { readonly code: number }) => void) | null;
  close(): void;
};
const scope = globalThis as unknown as { readonly WebSocket?: new (url: string) => Socket };

/** Return whether there is a WebSocket here; Node has one from version 22 on. */
export function hasWebSocket(): boolean {
  return scope.WebSocket !== undefined;
}

/** Fetch a token. Returns undefined if the signal interrupts it. */
export async function fetchToken(source: TokenSource, signal: AbortSignal): Promise<Token | Failure | undefined> {
  try {
    const headers = { accept: "application/json" };
    const asked = typeof source === "string" ? fetch(source, { signal, headers, cache: "no-store" }) : source(signal);
    const answer = await unlessAborted(asked, signal);
    if (!isResponse(answer)) return checkToken(answer);
    if (!answer.ok) return await judge(answer, "token route");
    if (/\bhtml\b/.test(answer.headers.get("content-type") ?? "")) return noToken(isPage(answer));
    return checkToken((await unlessAborted(answer.json(), signal).catch(() => undefined)) as Token | undefined);
  } catch (cause) {
    if (signal.aborted) return undefined;
    return { reason: { code: "unreachable", message: noAnswer(source, cause), cause }, ends: "never" };
  }
}

/** Say why there is no answer. What a function of the page threw may be a fault of that function. */
function noAnswer(source: TokenSource, cause: unknown): string {
  if (typeof source === "string" || isOfFetch(cause)) {
    return "No answer from the token route: it is down, or a page of this origin may not read its answers.";
  }
  const name = cause instanceof Error ? ` (${cause.name})` : "";
  return `The token function threw an error${name}, which is the reason's \`cause\`. ${AGAIN}`;
}

/** Return whether `fetch` threw this, for want of an answer. Browsers and Node have different words for it. */
function isOfFetch(cause: unknown): boolean {
  return cause instanceof TypeError && /\bfetch\b|^NetworkError|^Load failed/.test(cause.message);
}

/** Say what to look at where a token route answers with a page. */
function isPage(answer: Response): string {
  const after = answer.redirected ? `, after a redirect to ${new URL(answer.url).pathname}` : "";
  return `is a page of HTML${after}: check its URL, and that a development server passes it on to the application`;
}

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

function noToken(problem: string): Failure {
  return { reason: { code: "protocol", message: `The token route's answer ${problem}.` }, ends: "first" };
}

/** Say what a token isn't for, of what is to be followed. A token that names none may be for anything. */
export function beyond(token: Token, channels: readonly string[], topics: readonly string[]): Reason | undefined {
  return missing("channel", channels, token.channels) ?? missing("topic", topics, token.topics);
}

function missing(code: "channel" | "topic", asked: readonly string[], allowed: unknown): Reason | undefined {
  if (!Array.isArray(allowed) || allowed.includes("*")) return undefined;
  const names = asked.filter((name) => !allowed.includes(name)).map((name) => `"${name}"`);
  if (names.length === 0) return undefined;
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  const message = `The token isn't for the ${code}s ${names.slice(0, 3).join(", ")}${more}. Mint it with these ${code}s.`;
  return { code, message };
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
  // Reading may never return after an abort: Node 20 doesn't at the end of a body.
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
      resolve({ reason: { code: "protocol", message }, ends: "first" });
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
    // Some implementations call only the first of these when there never was a connection.
    socket.onerror = () => isOpen || end(probe(url, signal));
    socket.onclose = ({ code }) => end(isOpen ? lost(code) : probe(url, signal));
  });
}

/** Ask the same over HTTP, since a browser doesn't tell why a WebSocket failed. */
export async function probe(url: URL, signal: AbortSignal): Promise<Failure | undefined> {
  try {
    return await judge(await fetch(url, { signal, cache: "no-store", redirect: "manual" }), "gateway");
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
      return await judge(response, "gateway");
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
  const frame = typeof text === "string" ? parsed(text) : undefined;
  if (typeof frame === "object" && frame !== null) sink.frame(frame as Frame);
}

/** Parse JSON; undefined for what isn't. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// -- why not -------------------------------------------------------------------------------------------------

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

/** Say what an answer means that isn't the one that was wanted. */
async function judge(response: Response, who: "gateway" | "token route"): Promise<Failure> {
  const { status } = response;
  const isGateway = who === "gateway";
  const body = isGateway ? await bodyOf(response) : {};
  const isBusy = status === 408 || status === 425 || status === 429 || status >= 500;
  const isKnown = typeof body.code === "string" && Object.hasOwn(REMEDIES, body.code);
  const code = isKnown ? (body.code as ReasonCode) : isBusy ? "server" : (BY_STATUS[status] ?? "protocol");
  const said = typeof body.error === "string" ? `: ${body.error}` : "";
  const answered = response.type === "opaqueredirect" ? "redirects" : `answered ${status}${said}`;
  const remedy = (isGateway ? REMEDIES : ROUTE_REMEDIES)[code] ?? "Check what it returns.";
  return {
    reason: { code, message: `The ${who} ${answered}. ${remedy}`, status },
    ends: isBusy || status === 426 ? "never" : endsWith(status, isGateway, body.status === status),
    retryAfter: isBusy ? secondsOf(response.headers.get("retry-after")) : undefined,
  };
}

function endsWith(status: number, isGateway: boolean, byGateway: boolean): Failure["ends"] {
  // A token may expire on its way.
  if (status === 401) return isGateway ? "second" : "always";
  // While a gateway restarts, a proxy in front of it may answer for it.
  return status === 403 || (status === 404 && !isGateway) || byGateway ? "always" : "first";
}

async function bodyOf(response: Response): Promise<{ error?: unknown; code?: unknown; status?: unknown }> {
  const body = parsed(await response.text().catch(() => ""));
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

function lost(code?: number): Failure {
  if (code === 1012) return RESTARTS;
  const message = `The connection was lost${code === undefined ? "" : ` (code ${code})`}. ${AGAIN}`;
  return { reason: { code: "unreachable", message }, ends: "never" };
}

/** The gateway announced that it shuts down. */
export const RESTARTS: Failure = {
  reason: { code: "closing", message: `The gateway restarts. ${AGAIN}` },
  ends: "never",
};

function unlessAborted<T>(asked: T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(new Error("interrupted"));
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave);
    void Promise.resolve(asked)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", leave));
  });
}
