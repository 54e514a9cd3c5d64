import { type Failure, fetchToken, follow, type Frame, hasWebSocket, type Reason, RESTARTS } from "./_stream";
import type { Token, TokenSource } from "./_stream";

/**
 * How a subscription is connected.
 *
 * `waiting` is the pause before the next attempt. `paused` is without a connection on purpose: the page is hidden, or an
 * iteration has as many messages before it as are kept. `closed` with a reason was refused for good. `reason` says why
 * there is no connection; `attempt` counts the attempts that failed in a row.
 */
export type Connection = {
  readonly state: "connecting" | "open" | "waiting" | "paused" | "closed";
  readonly reason?: Reason;
  readonly attempt: number;
};

/** What a connection is for. */
export type Purpose = {
  readonly token: TokenSource;
  readonly transport: "websocket" | "sse" | undefined;
  readonly pauseOnHidden: boolean;
  /** Say why this token is no use. */
  refuse(token: Token): Reason | undefined;
  /** Return the query that says what to follow, and from where. */
  query(token: Token): { readonly [name: string]: string };
  /** Return whether there is no room for another message. */
  isFull(): boolean;
  onFrame(frame: Frame): void;
  onConnection(connection: Connection): void;
};

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;
/** A connection that lasted so long starts the pauses over. */
const LASTED = 5_000;
/** The pages of a gateway that restarts come back spread over this time. */
const SPREAD = 1_000;
/** The time for an attempt, from the token to the open stream. */
const ATTEMPT = 20_000;
/** An attempt that began so long ago is started over when the page comes back. */
const STUCK = 5_000;
/** The time between two pings of a gateway, until it has been seen; and what it is taken for at most. */
const KEEP_ALIVE = 15_000;
const LONGEST_KEEP_ALIVE = 60_000;

// As much of a page as is used here. In Node there is none.
type Target = {
  addEventListener?: (type: string, listener: Listener) => void;
  removeEventListener?: (type: string, listener: Listener) => void;
};
type Listener = (event: { readonly type: string }) => void;
const page = globalThis as unknown as Target & { readonly document?: Target & { readonly visibilityState: string } };

/** Connects again and again, until it is closed or refused for good. */
export class Connector {
  readonly #purpose: Purpose;
  #transport: "websocket" | "sse";
  #connection: Connection = { state: "connecting", attempt: 0 };
  #reason: Reason | undefined;
  /** Interrupts the attempt, or the stream, that goes on. */
  #stream: AbortController | undefined;
  #interruptedBy: Failure | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #goOn: (() => void) | undefined;
  #began = 0;
  #hasProgressed = false;
  #hasOpened = false;
  #failures = 0;
  #refusals = 0;
  #notUpgraded = 0;
  #isAway = false;
  #lastFrame = 0;
  #lastPing = 0;
  #pings = 0;
  #keepAlive = 0;

  constructor(purpose: Purpose) {
    this.#purpose = purpose;
    this.#transport = purpose.transport ?? (hasWebSocket() ? "websocket" : "sse");
    this.#listen("addEventListener");
  }

  get connection(): Connection {
    return this.#connection;
  }

  get isClosed(): boolean {
    return this.#connection.state === "closed";
  }

  /** Stay connected; resolves when it is closed. */
  async run(): Promise<void> {
    while (!this.isClosed) {
      if (this.#isPaused()) {
        this.#reason = undefined;
        this.#show("paused");
        await this.#wait();
        continue;
      }
      this.#show("connecting");
      const failure = (await this.#attempt()) ?? this.#interruptedBy;
      if (failure === undefined || this.isClosed) continue;
      this.#reason = failure.reason;
      if (this.#isFinal(failure)) return this.close(failure.reason);
      const pause = this.#pauseAfter(failure);
      this.#show("waiting");
      await this.#wait(pause);
    }
  }

  close(reason?: Reason): void {
    if (this.isClosed) return;
    this.#reason = reason;
    this.#listen("removeEventListener");
    this.#show("closed");
    this.#interrupt();
  }

  /** Look again whether to be connected. */
  review(): void {
    if (this.#isPaused()) this.#interrupt();
    else if (this.#connection.state === "paused") this.#goOn?.();
  }

  /** Note a message that the next connection won't bring again. */
  progressed(): void {
    this.#hasProgressed = true;
  }

  // -- one attempt

  /** Connect, and follow the stream until it ends. Returns undefined if it was interrupted. */
  async #attempt(): Promise<Failure | undefined> {
    if (this.isClosed) return undefined;
    const stream = (this.#stream = new AbortController());
    this.#interruptedBy = undefined;
    this.#hasProgressed = false;
    this.#began = Date.now();
    this.#timer = setTimeout(() => this.#interrupt(ROUTE_LATE), ATTEMPT);
    const token = await fetchToken(this.#purpose.token, stream.signal);
    if (token === undefined || stream.signal.aborted) return this.#ended(stream);
    if ("reason" in token) return this.#ended(stream, token);
    const reason = this.#purpose.refuse(token);
    if (reason !== undefined) return this.#ended(stream, { reason, ends: "always" });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#interrupt(GATEWAY_LATE), ATTEMPT);
    const route = this.#transport === "websocket" ? "connect" : "sse";
    const url = new URL(`/v1/realtime/${route}`, token.apiBaseUrl);
    const query = { token: token.key, ...this.#purpose.query(token) };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const sink = {
      open: () => stream.signal.aborted || this.#opened(),
      alive: () => void (this.#lastFrame = Date.now()),
      frame: (frame: Frame) => stream.signal.aborted || this.#took(frame),
    };
    return this.#ended(stream, await follow(url, this.#transport, sink, stream.signal));
  }

  #ended(stream: AbortController, failure?: Failure): Failure | undefined {
    if (this.#stream === stream) this.#stream = undefined;
    clearTimeout(this.#timer);
    return stream.signal.aborted ? undefined : failure;
  }

  #interrupt(by?: Failure): void {
    this.#interruptedBy = by;
    this.#stream?.abort();
    this.#goOn?.();
  }

  #opened(): void {
    clearTimeout(this.#timer);
    this.#began = this.#lastFrame = Date.now();
    this.#lastPing = 0;
    this.#pings = 1;
    this.#hasOpened = true;
    this.#refusals = this.#notUpgraded = 0;
    this.#reason = undefined;
    this.#show("open");
  }

  #took(frame: Frame): void {
    if (frame["kind"] === "closing") return this.#interrupt(RESTARTS);
    if (frame["kind"] === "ping") this.#pinged();
    else this.#pings = 0;
    this.#purpose.onFrame(frame);
  }

  // -- alive

  /** Learn from pings with no other frames between them how far apart they are. */
  #pinged(): void {
    const now = Date.now();
    this.#pings += 1;
    // The first ping after other frames may tell of dropped messages, and come at any time: it begins no measurement.
    if (this.#pings > 2) this.#keepAlive = Math.max(this.#keepAlive, Math.min(now - this.#lastPing, LONGEST_KEEP_ALIVE));
    this.#lastPing = now;
    this.#watch();
  }

  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#keepAlive === 0) return;
    this.#timer = setTimeout(() => (this.#isSilent() ? this.#interrupt(SILENT) : this.#watch()), this.#silence());
  }

  #silence(): number {
    return 2 * (this.#keepAlive || KEEP_ALIVE) + 1_000;
  }

  /** Return whether pings should have come; a server without positions sends none. */
  #isSilent(): boolean {
    return this.#lastPing > 0 && Date.now() - this.#lastFrame >= this.#silence();
  }

  // -- again

  #isFinal(failure: Failure): boolean {
    const { reason, ends } = failure;
    // Once, the gateway may have come back between the WebSocket and the question why. Twice, a proxy is in the way:
    // it answers otherwise, or holds the upgrade back. After a connection it is the network that gives no answer.
    const isHeldBack = failure === GATEWAY_LATE && !this.#hasOpened;
    this.#notUpgraded = reason.code === "upgrade-required" || isHeldBack ? this.#notUpgraded + 1 : 0;
    if (this.#notUpgraded > 1) this.#transport = this.#purpose.transport ?? "sse";
    if (ends === "second") this.#refusals += 1;
    return ends === "always" || (ends === "first" && !this.#hasOpened) || this.#refusals > 1;
  }

  #pauseAfter({ reason, retryAfter = 0 }: Failure): number {
    const hasLasted = this.#hasProgressed || Date.now() - this.#began >= LASTED;
    if (this.#connection.state === "open" && hasLasted) {
      this.#failures = 0;
      if (reason.code === "closing") return Math.random() * SPREAD;
    }
    const pause = Math.min(FIRST_PAUSE * 2 ** this.#failures, LONGEST_PAUSE) * (0.5 + Math.random() / 2);
    this.#failures += 1;
    return pause + retryAfter * 1000;
  }

  #isPaused(): boolean {
    return this.#isAway || (this.#purpose.pauseOnHidden && isHidden()) || this.#purpose.isFull();
  }

  /** Wait, for so long or until something goes on. */
  async #wait(pause?: number): Promise<void> {
    if (this.isClosed) return;
    const timer = await new Promise<ReturnType<typeof setTimeout> | undefined>((resolve) => {
      const set = pause === undefined ? undefined : setTimeout(() => resolve(undefined), pause);
      this.#goOn = () => resolve(set);
    });
    clearTimeout(timer);
    this.#goOn = undefined;
  }

  #show(state: Connection["state"]): void {
    // The loop looks again at each event of the page, and may find it still hidden.
    if (state === "paused" && this.#connection.state === state) return;
    const reason = this.#reason;
    const attempt = state === "open" || state === "paused" ? 0 : this.#failures;
    this.#connection = { state, attempt, ...(reason !== undefined && { reason }) };
    this.#purpose.onConnection(this.#connection);
  }

  // -- the page

  #listen(method: "addEventListener" | "removeEventListener"): void {
    for (const type of ["online", "pageshow", "pagehide"]) page[method]?.(type, this.#onPage);
    page.document?.[method]?.("visibilitychange", this.#onPage);
  }

  readonly #onPage: Listener = ({ type }) => {
    // A page that is left lets go of its connection: the browser can keep it then, and show it again.
    if (type === "pagehide") this.#isAway = true;
    if (type === "pageshow") this.#isAway = false;
    this.review();
    if (type === "pagehide" || isHidden()) return;
    // Timers and sockets may have slept: try at once, and make sure that the connection is alive.
    const { state } = this.#connection;
    const isStuck = state === "connecting" && Date.now() - this.#began >= STUCK;
    if (state === "waiting") this.#goOn?.();
    if (state === "open" && this.#isSilent()) this.#reason = SILENT.reason;
    else if (!isStuck) return;
    this.#interrupt();
  };
}

function isHidden(): boolean {
  return page.document?.visibilityState === "hidden";
}

const SILENT: Failure = {
  reason: { code: "unreachable", message: "The gateway has been silent for too long. It is tried again." },
  ends: "never",
};

const ROUTE_LATE = late("The token route");
const GATEWAY_LATE = late("The gateway");

function late(who: string): Failure {
  const why = "it hangs, a proxy holds it back, or the browser has six streams open to it (HTTP/1.1)";
  const message = `${who} gave no answer in ${ATTEMPT / 1000} seconds: ${why}. It is tried again.`;
  return { reason: { code: "unreachable", message }, ends: "never" };
}
