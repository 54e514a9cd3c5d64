import { fetchToken, follow, hasWebSocket, isFinal, late, RESTARTS } from "./_stream";
import type { Failure, Frame, Reason, Token, TokenSource } from "./_stream";

/**
 * The state of a subscription's connection.
 *
 * `waiting`: the pause before the next attempt. `paused`: disconnected on purpose, because the page is hidden or an
 * iteration has fallen behind. `closed`: ended, by `close` or, with a reason, by a refusal. `reason` says why there is no
 * connection; `attempt` counts the failed attempts since the last connection.
 */
export type Connection = {
  readonly state: "connecting" | "open" | "waiting" | "paused" | "closed";
  readonly reason?: Reason;
  readonly attempt: number;
};

/** The settings of a connector, and what it calls. */
export type ConnectorOptions = {
  readonly token: TokenSource;
  readonly transport: "websocket" | "sse" | undefined;
  readonly pauseOnHidden: boolean;
  /** Return why this token can't be used; undefined if it can. */
  refuse(token: Token): Failure | undefined;
  /** Return the query of the stream: what to follow, and from where. */
  query(token: Token): { readonly [name: string]: string };
  /** Return whether messages have to wait, so that the connection is to be paused. */
  isFull(): boolean;
  onFrame(frame: Frame): void;
  onConnection(connection: Connection): void;
};

// All times are in milliseconds.
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;
/** After a connection of this length, the next pause is the first one again. */
const STABLE = 5_000;
/** When a gateway restarts, its pages reconnect spread over this time. */
const SPREAD = 1_000;
/** The longest wait for the token, and for the stream to open. */
const ATTEMPT = 20_000;
/** An attempt of this age begins anew when the page is shown again. */
const STUCK = 5_000;
/** The time between two pings of a gateway: assumed until it has been measured, and at most. */
const KEEP_ALIVE = 15_000;
const LONGEST_KEEP_ALIVE = 60_000;

// The parts of a browser's page that are used here. Node has none of them.
type Target = {
  addEventListener?: (type: string, listener: Listener) => void;
  removeEventListener?: (type: string, listener: Listener) => void;
};
type Listener = (event: { readonly type: string }) => void;
const page = globalThis as unknown as Target & { readonly document?: Target & { readonly visibilityState: string } };

/** Keeps a stream open: connects, and reconnects until it is closed or refused for good. */
export class Connector {
  readonly #options: ConnectorOptions;
  #transport: "websocket" | "sse";
  #connection: Connection = { state: "connecting", attempt: 0 };
  #reason: Reason | undefined;
  /** Aborts the current attempt or stream. */
  #stream: AbortController | undefined;
  #interruptedBy: Failure | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wake: (() => void) | undefined;
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

  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#transport = options.transport ?? (hasWebSocket() ? "websocket" : "sse");
    this.#listen("addEventListener");
  }

  get connection(): Connection {
    return this.#connection;
  }

  get isClosed(): boolean {
    return this.#connection.state === "closed";
  }

  /** Connect, and stay connected. Resolves when it is closed. */
  async run(): Promise<void> {
    while (!this.isClosed) {
      if (this.#isPaused()) {
        this.#reason = undefined;
        this.#setState("paused");
        await this.#wait();
        continue;
      }
      this.#setState("connecting");
      const failure = (await this.#attempt()) ?? this.#interruptedBy;
      if (failure === undefined || this.isClosed) continue;
      this.#reason = failure.reason;
      if (this.#isFinal(failure)) return this.close(failure.reason);
      const pause = this.#pauseAfter(failure);
      this.#setState("waiting");
      await this.#wait(pause);
    }
  }

  /** End the connection for good; `reason` says who refused it. */
  close(reason?: Reason): void {
    if (this.isClosed) return;
    this.#reason = reason;
    this.#listen("removeEventListener");
    this.#setState("closed");
    this.#interrupt();
  }

  /** Pause or resume, if `isFull` or the visibility of the page has changed. */
  review(): void {
    if (this.#isPaused()) this.#interrupt();
    else if (this.#connection.state === "paused") this.#wake?.();
  }

  /** Note a durable message: the next connection resumes after it. */
  progressed(): void {
    this.#hasProgressed = true;
  }

  // -- attempts

  /** Connect, and follow the stream until it ends. Returns undefined if it was interrupted. */
  async #attempt(): Promise<Failure | undefined> {
    if (this.isClosed) return undefined;
    const stream = (this.#stream = new AbortController());
    this.#interruptedBy = undefined;
    this.#hasProgressed = false;
    this.#began = Date.now();
    this.#timer = setTimeout(() => this.#interrupt(ROUTE_LATE), ATTEMPT);
    const token = await fetchToken(this.#options.token, stream.signal);
    if (token === undefined || stream.signal.aborted) return this.#finish(stream);
    if ("reason" in token) return this.#finish(stream, token);
    const refusal = this.#options.refuse(token);
    if (refusal !== undefined) return this.#finish(stream, refusal);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#interrupt(GATEWAY_LATE), ATTEMPT);
    const route = this.#transport === "websocket" ? "connect" : "sse";
    const url = new URL(`/v1/realtime/${route}`, token.apiBaseUrl);
    const query = { token: token.key, ...this.#options.query(token) };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const sink = {
      open: () => stream.signal.aborted || this.#opened(),
      alive: () => void (this.#lastFrame = Date.now()),
      frame: (frame: Frame) => stream.signal.aborted || this.#receive(frame),
    };
    return this.#finish(stream, await follow(url, this.#transport, sink, stream.signal));
  }

  #finish(stream: AbortController, failure?: Failure): Failure | undefined {
    if (this.#stream === stream) this.#stream = undefined;
    clearTimeout(this.#timer);
    return stream.signal.aborted ? undefined : failure;
  }

  #interrupt(by?: Failure): void {
    this.#interruptedBy = by;
    this.#stream?.abort();
    this.#wake?.();
  }

  #opened(): void {
    clearTimeout(this.#timer);
    this.#began = this.#lastFrame = Date.now();
    this.#lastPing = 0;
    this.#pings = 1;
    this.#hasOpened = true;
    this.#refusals = this.#notUpgraded = 0;
    this.#reason = undefined;
    this.#setState("open");
  }

  #receive(frame: Frame): void {
    if (frame["kind"] === "closing") return this.#interrupt(RESTARTS);
    if (frame["kind"] === "ping") this.#pinged();
    else this.#pings = 0;
    this.#options.onFrame(frame);
  }

  // -- keep-alive

  /** Measure the time between two pings that follow each other. */
  #pinged(): void {
    const now = Date.now();
    this.#pings += 1;
    // A ping right after another frame may report dropped messages, at any time: no measurement begins there.
    if (this.#pings > 2) this.#keepAlive = Math.max(this.#keepAlive, Math.min(now - this.#lastPing, LONGEST_KEEP_ALIVE));
    this.#lastPing = now;
    this.#watch();
  }

  /** Interrupt the stream once pings have been missing for too long. */
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#keepAlive === 0) return;
    this.#timer = setTimeout(() => (this.#isSilent() ? this.#interrupt(SILENT) : this.#watch()), this.#allowedSilence());
  }

  #allowedSilence(): number {
    return 2 * (this.#keepAlive || KEEP_ALIVE) + 1_000;
  }

  /** Return whether pings are overdue. Inngest's server sends none, so without a first ping none is. */
  #isSilent(): boolean {
    return this.#lastPing > 0 && Date.now() - this.#lastFrame >= this.#allowedSilence();
  }

  // -- retries

  #isFinal(failure: Failure): boolean {
    const { reason, ends } = failure;
    // One 426 may mean that the gateway came back between the WebSocket and the probe. Two in a row mean that a proxy
    // doesn't pass WebSockets, as do two attempts without an answer. After a connection, such an attempt means an outage.
    const isHeldBack = failure === GATEWAY_LATE && !this.#hasOpened;
    this.#notUpgraded = reason.code === "upgrade-required" || isHeldBack ? this.#notUpgraded + 1 : 0;
    if (this.#notUpgraded > 1) this.#transport = this.#options.transport ?? "sse";
    if (ends === "repeated") this.#refusals += 1;
    return isFinal(failure, this.#hasOpened, this.#refusals);
  }

  #pauseAfter({ reason, retryAfter = 0 }: Failure): number {
    const isStable = this.#hasProgressed || Date.now() - this.#began >= STABLE;
    if (this.#connection.state === "open" && isStable) {
      this.#failures = 0;
      if (reason.code === "closing") return Math.random() * SPREAD;
    }
    const pause = Math.min(FIRST_PAUSE * 2 ** this.#failures, LONGEST_PAUSE) * (0.5 + Math.random() / 2);
    this.#failures += 1;
    return pause + retryAfter * 1000;
  }

  #isPaused(): boolean {
    return this.#isAway || (this.#options.pauseOnHidden && isHidden()) || this.#options.isFull();
  }

  /** Wait for the pause to end, or to be woken. Without a pause, only waking ends it. */
  async #wait(pause?: number): Promise<void> {
    if (this.isClosed) return;
    const timer = await new Promise<ReturnType<typeof setTimeout> | undefined>((resolve) => {
      const set = pause === undefined ? undefined : setTimeout(() => resolve(undefined), pause);
      this.#wake = () => resolve(set);
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }

  #setState(state: Connection["state"]): void {
    // Each event of a hidden page wakes the loop, which stays paused.
    if (state === "paused" && this.#connection.state === state) return;
    const reason = this.#reason;
    const attempt = state === "open" || state === "paused" ? 0 : this.#failures;
    this.#connection = { state, attempt, ...(reason !== undefined && { reason }) };
    this.#options.onConnection(this.#connection);
  }

  // -- page events

  #listen(method: "addEventListener" | "removeEventListener"): void {
    for (const type of ["online", "pageshow", "pagehide"]) page[method]?.(type, this.#onPage);
    page.document?.[method]?.("visibilitychange", this.#onPage);
  }

  readonly #onPage: Listener = ({ type }) => {
    // A browser keeps a page that is left for "back", but only without an open connection.
    if (type === "pagehide") this.#isAway = true;
    if (type === "pageshow") this.#isAway = false;
    this.review();
    if (type === "pagehide" || isHidden()) return;
    // While the page was hidden, timers and sockets may have stood still: try at once, and check the connection.
    const { state } = this.#connection;
    const isStuck = state === "connecting" && Date.now() - this.#began >= STUCK;
    if (state === "waiting") this.#wake?.();
    if (state === "open" && this.#isSilent()) this.#reason = SILENT.reason;
    else if (!isStuck) return;
    this.#interrupt();
  };
}

function isHidden(): boolean {
  return page.document?.visibilityState === "hidden";
}

const ROUTE_LATE = late("The token route", ATTEMPT);
const GATEWAY_LATE = late("The gateway", ATTEMPT);
const SILENT: Failure = {
  reason: { code: "unreachable", message: "The gateway has been silent for too long. It is tried again." },
  ends: "never",
};
