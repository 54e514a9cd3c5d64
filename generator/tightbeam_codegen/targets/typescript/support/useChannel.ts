import { useRealtime } from "inngest/react";
import type { Realtime } from "inngest/realtime";
import { useEffect, useState, useSyncExternalStore } from "react";

import { appended, HISTORY_LIMIT, Store } from "./_received";
import type { LatestOf, Received, ReceiveOptions, RunState } from "./_received";
import { beyondToken, fetchToken, isFinal, late, lost, probe } from "./_stream";
import type { Failure, Reason, Token, TokenSource } from "./_stream";
import { type AnyMessage, call, type Channel, type Connection, type From, type MessageOf, type Topic } from "./_subscribe";

export type UseChannelOptions<C, T extends Topic<C> = Topic<C>> = ReceiveOptions<C, T> & {
  /** The URL of a token route, which gets `?since=…`; or a function that fetches a token, or that route's response. */
  readonly token: TokenSource;
};

/** The result of `useChannel`: what was received, and the state of its run and its connection. */
export type ChannelState<C, T extends Topic<C> = Topic<C>> = Received<MessageOf<C, T>> & {
  readonly latest: LatestOf<C, T>;
  readonly run: RunState;
};

/**
 * Follow a channel with the official hook, and resume without loss.
 *
 * Each connection has a fresh token with the time of the last message, so that durable messages come once and in order,
 * over reconnects, hidden tabs and any number of runs. While there is no channel yet, pass null.
 */
export function useChannel<C extends Channel, T extends Topic<C> = Topic<C>>(
  channel: C | null | undefined,
  options: UseChannelOptions<C, T>,
): ChannelState<C, T> {
  const { token, enabled = true, historyLimit = HISTORY_LIMIT, pauseOnHidden = false, from = "now" } = options;
  const topics: readonly string[] = options.topics ?? Object.keys(channel?.topics ?? {});
  const key = JSON.stringify([channel?.name, topics]);
  const [held, setSession] = useState(() => new Session(key, from));
  let session = held;
  if (session.key !== key) {
    session = new Session(key, from);
    setSession(session);
  }
  const state = useSyncExternalStore(session.listen, session.state, session.state);
  const isEnabled = enabled && channel != null && state.connection.state !== "closed";
  const limit = historyLimit === null ? null : Math.max(historyLimit, HISTORY_LIMIT);
  const official = useRealtime({
    channel: channel as unknown as Realtime.ChannelInstance,
    topics,
    token: () => session.token(token, channel?.name ?? "", options.topics === undefined ? [] : topics),
    enabled: isEnabled,
    historyLimit: limit,
    pauseOnHidden,
    reconnectMaxMs: 10_000,
    autoCloseOnTerminal: false,
  });
  useEffect(() => {
    const fresh = session.take(official as unknown as Official, channel?.name, topics, { historyLimit, limit });
    for (const message of fresh.messages) call(options.onMessage, message as MessageOf<C, T>);
    for (let n = 0; n < fresh.resets; n++) call(options.onReset, undefined);
  });
  return { ...(state as unknown as ChannelState<C, T>), retry: session.retry };
}

// -- the session -----------------------------------------------------------------------------------------------------

/** The part of the official hook's result that is used here. */
type Official = {
  readonly connectionStatus: "idle" | "connecting" | "open" | "paused" | "closed" | "error";
  readonly runStatus: RunState["status"];
  readonly messages: { readonly all: readonly (AnyMessage | { readonly kind: "other" })[] };
  readonly result: unknown;
};
/** `limit` is the official hook's own `historyLimit`. */
type HistoryLimits = { readonly historyLimit: number | null; readonly limit: number | null };
type State = {
  readonly messages: readonly AnyMessage[];
  readonly latest: { readonly [topic: string]: AnyMessage };
  readonly run: RunState;
  readonly connection: Connection;
  readonly resets: number;
};

/** The `since` of each `from`. */
const SINCE = { now: undefined, latest: "latest", start: "1970-01-01T00:00:00.000Z" } as const;
/** The longest wait for an answer, in milliseconds. */
const ANSWER_TIME = 20_000;
const INITIAL: State = {
  messages: [],
  latest: {},
  run: { status: "unknown" },
  connection: { state: "connecting", attempt: 0 },
  resets: 0,
};

/** Follows one channel for one component. It outlives the official hook's connections and effects. */
class Session extends Store<State> {
  readonly key: string;
  /** The time of the last message; before the first one, the `since` of `from`. */
  #since: string | undefined;
  readonly #isFromStart: boolean;
  #hasBegun = false;
  #startedAt: string | undefined;
  /** The `since` at which messages were missing last, so that one gap counts once. */
  #resetAt: string | undefined;
  #resetsTold = 0;

  /** The official hook's messages of an earlier channel. */
  #before: Official["messages"]["all"] | undefined;
  #last: Official["messages"]["all"][number] | undefined;
  #status: Official["connectionStatus"] = "idle";
  #runStatus: RunState["status"] = "unknown";

  #reason: Reason | undefined;
  #url: URL | undefined;
  #failedToken = false;
  #failures = 0;
  #refusals = 0;
  #hasOpened = false;
  #retryAt = 0;

  constructor(key: string, from: Exclude<From, { readonly after: string }>) {
    super(INITIAL);
    this.key = key;
    this.#since = from instanceof Date ? from.toISOString() : SINCE[from];
    this.#isFromStart = from === "start";
  }

  readonly retry = (): void => {
    if (this.state().connection.state !== "closed") return;
    this.#refusals = this.#failures = 0;
    this.#hasOpened = false;
    this.#reason = undefined;
    this.setState({ connection: { state: "connecting", attempt: 0 } });
  };

  // -- tokens

  /** Fetch a token for the official hook. Rejects if that fails; `connection` then has the reason. */
  async token(source: UseChannelOptions<Channel>["token"], channel: string, topics: readonly string[]): Promise<Token> {
    const pause = this.#retryAt - Date.now();
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    const since = this.#since;
    const query = since === undefined ? {} : { since };
    const request: TokenSource =
      typeof source === "string" ? withQuery(source, since) : ({ signal }) => source({ signal, ...query });
    const fetched = await fetchToken(request, AbortSignal.timeout(ANSWER_TIME));
    const token = fetched ?? late("The token route", ANSWER_TIME);
    const failure = "reason" in token ? token : beyondToken(token, [channel], topics);
    this.#failedToken = failure !== undefined;
    if (failure !== undefined) this.#fail(failure);
    if (failure !== undefined || "reason" in token) throw new Error(failure?.reason.message);
    this.#url = new URL("/v1/realtime/connect", token.apiBaseUrl);
    this.#url.searchParams.set("token", token.key);
    this.#startedAt ??= issuedAt(token.key);
    // The page begins at the server's time, since the browser's clock may differ.
    this.#since ??= this.#startedAt;
    if (token.reset === true && since !== this.#resetAt && (this.#hasBegun || !this.#isFromStart)) {
      this.#resetAt = since;
      this.setState({ resets: this.state().resets + 1 });
    }
    return { key: token.key, apiBaseUrl: token.apiBaseUrl };
  }

  #fail(failure: Failure): void {
    const { reason, ends, retryAfter = 0 } = failure;
    this.#reason = reason;
    this.#retryAt = Date.now() + retryAfter * 1000;
    if (ends === "repeated") this.#refusals += 1;
    if (isFinal(failure, this.#hasOpened, this.#refusals)) this.setState({ connection: { state: "closed", reason, attempt: this.#failures } });
    else this.setState({ connection: { ...this.state().connection, reason } });
  }

  // -- the official hook's state

  /**
   * Take over the official hook's state.
   *
   * Returns the messages, and the number of resets, that are new to the handlers. After a change of channel the hook still
   * has the state of the old one, until its own effects have run: that state is left out.
   */
  take(official: Official, channel: string | undefined, topics: readonly string[], limits: HistoryLimits): Unseen {
    this.#before ??= official.messages.all;
    if (this.#before === official.messages.all) return { messages: [], resets: 0 };
    const messages = this.#unseen(official.messages.all, limits.limit).filter(
      (message): message is AnyMessage =>
        message.kind === "data" && message.channel === channel && topics.includes(message.topic),
    );
    const last = messages[messages.length - 1];
    if (last !== undefined) {
      this.#since = last.createdAt.toISOString();
      this.#hasBegun = true;
    }
    const latest = Object.fromEntries(messages.map((message) => [message.topic, message]));
    this.setState({
      messages: appended(this.state().messages, messages, limits.historyLimit),
      latest: last === undefined ? this.state().latest : { ...this.state().latest, ...latest },
      run: this.#run(official, last !== undefined),
      connection: this.#connection(official.connectionStatus),
    });
    const resets = this.state().resets - this.#resetsTold;
    this.#resetsTold = this.state().resets;
    return { messages, resets };
  }

  #unseen(all: Official["messages"]["all"], limit: number | null): Official["messages"]["all"] {
    const at = this.#last === undefined ? -1 : all.lastIndexOf(this.#last);
    if (this.#last !== undefined && at < 0 && all.length === limit) {
      // Between two renders more messages came than the official hook holds.
      this.setState({ resets: this.state().resets + 1 });
    }
    this.#last = all[all.length - 1] ?? this.#last;
    return all.slice(at + 1);
  }

  /** Return the state of the run. The official hook says `running` as soon as it is connected, run or no run. */
  #run({ runStatus, result }: Official, hasMessages: boolean): RunState {
    const { run } = this.state();
    const wasOver = isOver(this.#runStatus);
    this.#runStatus = runStatus;
    if (isOver(runStatus)) {
      const known = runStatus === "completed" && result != null;
      const isSame = run.status === runStatus && run.result === (known ? result : undefined);
      return isSame ? run : { status: runStatus, ...(known && { result }) };
    }
    const isRunning = runStatus === "running" && (wasOver || hasMessages) && run.status !== "running";
    return isRunning ? { status: "running" } : run;
  }

  #connection(status: Official["connectionStatus"]): Connection {
    const before = this.state().connection;
    const hasChanged = status !== this.#status;
    this.#status = status;
    if (before.state === "closed") return before;
    if (hasChanged && status === "open") this.#opened();
    if (hasChanged && (status === "error" || status === "closed")) this.#lost(status);
    const state = STATES[status];
    const attempt = state === "paused" ? 0 : this.#failures;
    const reason = state === "paused" ? undefined : this.#reason;
    if (before.state === state && before.attempt === attempt && before.reason === reason) return before;
    return { state, attempt, ...(reason !== undefined && { reason }) };
  }

  #opened(): void {
    this.#hasOpened = true;
    this.#failures = this.#refusals = 0;
    this.#reason = undefined;
    // The latest messages have come, so the next connection resumes.
    if (this.#since === "latest") this.#since = this.#startedAt;
  }

  #lost(status: "error" | "closed"): void {
    this.#failures += 1;
    if (status === "closed") this.#reason = lost().reason;
    else if (!this.#failedToken && this.#url !== undefined) void this.#probe(this.#url);
  }

  /** Ask the gateway over HTTP why the WebSocket failed: a browser doesn't tell. */
  async #probe(url: URL): Promise<void> {
    const failure = await probe(url, AbortSignal.timeout(ANSWER_TIME));
    if (failure !== undefined && this.#url === url && this.#status !== "open") this.#fail(failure);
  }
}

/** The messages and resets that handlers haven't been called for. */
type Unseen = { readonly messages: readonly AnyMessage[]; readonly resets: number };

/** The state of a connection, by the official hook's word for it. */
const STATES = {
  idle: "connecting",
  connecting: "connecting",
  open: "open",
  paused: "paused",
  closed: "waiting",
  error: "waiting",
} as const;

function isOver(status: RunState["status"]): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** Append `since` to the URL of a token route, which may be relative. */
function withQuery(url: string, since: string | undefined): string {
  if (since === undefined) return url;
  const [path = "", ...fragment] = url.split("#");
  const joined = `${path}${path.includes("?") ? "&" : "?"}since=${encodeURIComponent(since)}`;
  return [joined, ...fragment].join("#");
}

/** Return the time at which a token was minted, by the server's clock; for another server's token, the browser's time. */
function issuedAt(key: string): string {
  try {
    const claims = JSON.parse(atob((key.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/"))) as { iat?: unknown };
    if (typeof claims.iat === "number") return new Date(claims.iat * 1000).toISOString();
  } catch {
    // Another server's token need not be a JWT.
  }
  return new Date().toISOString();
}
