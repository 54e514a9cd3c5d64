import { useRealtime } from "inngest/react";
import type { Realtime } from "inngest/realtime";
import { useEffect, useState, useSyncExternalStore } from "react";

import { appended, type AnyMessage, HISTORY_LIMIT, type LatestOf, type Received } from "./_received";
import type { ReceiveOptions, RunState } from "./_received";
import { beyond, type Failure, fetchToken, probe, type Reason, type Token } from "./_stream";
import { call, type Channel, type Connection, type MessageOf, type Topic } from "./_subscribe";

/** The cursor that a token is minted with: `since` of `client.realtime.token`, if there is one. */
export type TokenQuery = { readonly since?: string };

export type UseChannelOptions<C, T extends Topic<C> = Topic<C>> = ReceiveOptions<C, T> & {
  /** The URL of a token route, which gets `?since=…`; or a function that fetches a token, or that route's response. */
  readonly token: string | ((query: TokenQuery) => Promise<Token | Response>);
};

export type ChannelState<C, T extends Topic<C> = Topic<C>> = Received<MessageOf<C, T>> & {
  readonly latest: LatestOf<C, T>;
  readonly run: RunState;
};

/**
 * Follow a channel with the official hook, and resume without loss.
 *
 * Each connection is made with a fresh token that carries the time of the last message, so that durable messages come once
 * and in order: over reconnects, hidden tabs, and any number of runs. Where there is no channel yet, give null.
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

// -- how -----------------------------------------------------------------------------------------------------

/** As much as is used here of what the official hook returns. */
type Official = {
  readonly connectionStatus: "idle" | "connecting" | "open" | "paused" | "closed" | "error";
  readonly runStatus: RunState["status"];
  readonly messages: { readonly all: readonly (AnyMessage | { readonly kind: "other" })[] };
  readonly result: unknown;
};
type Limits = { readonly historyLimit: number | null; readonly limit: number | null };
type State = {
  readonly messages: readonly AnyMessage[];
  readonly latest: { readonly [topic: string]: AnyMessage };
  readonly run: RunState;
  readonly connection: Connection;
  readonly resets: number;
};

const BEGINNING = { now: undefined, latest: "latest", start: "1970-01-01T00:00:00.000Z" } as const;
/** The time for a token route to answer. */
const TOKEN_TIME = 20_000;
const NOTHING: State = {
  messages: [],
  latest: {},
  run: { status: "unknown" },
  connection: { state: "connecting", attempt: 0 },
  resets: 0,
};

/** One channel as one component follows it. It lives longer than the official hook's connections and effects. */
class Session {
  readonly key: string;
  #state = NOTHING;
  readonly #listeners = new Set<() => void>();

  /** The time of the last message, or where to begin. */
  #since: string | undefined;
  readonly #isFromStart: boolean;
  #hasBegun = false;
  #startedAt: string | undefined;
  /** The cursor for which messages were missing last. */
  #resetAt: string | undefined;
  #resetsTold = 0;

  /** The messages that the hook had for an earlier channel. */
  #before: Official["messages"]["all"] | undefined;
  #last: Official["messages"]["all"][number] | undefined;
  #status: Official["connectionStatus"] = "idle";
  #runStatus: RunState["status"] = "unknown";
  #lastResult: unknown;

  #reason: Reason | undefined;
  #url: URL | undefined;
  #failedToken = false;
  #failures = 0;
  #refusals = 0;
  #hasOpened = false;
  #retryAt = 0;

  constructor(key: string, from: "now" | "latest" | "start" | Date) {
    this.key = key;
    this.#since = from instanceof Date ? from.toISOString() : BEGINNING[from];
    this.#isFromStart = from === "start";
  }

  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): State => this.#state;

  readonly retry = (): void => {
    if (this.#state.connection.state !== "closed") return;
    this.#refusals = this.#failures = 0;
    this.#hasOpened = false;
    this.#reason = undefined;
    this.#show({ connection: { state: "connecting", attempt: 0 } });
  };

  // -- tokens

  /** Fetch a token for the official hook. Rejects if there is none; `connection` then says why. */
  async token(source: UseChannelOptions<Channel>["token"], channel: string, topics: readonly string[]): Promise<Token> {
    const pause = this.#retryAt - Date.now();
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    const since = this.#since;
    const query = since === undefined ? {} : { since };
    const asked = typeof source === "string" ? withQuery(source, query) : () => source(query);
    const token = (await fetchToken(asked, AbortSignal.timeout(TOKEN_TIME))) ?? LATE;
    const failure = "reason" in token ? token : refusalOf(token, channel, topics);
    this.#failedToken = failure !== undefined;
    if (failure !== undefined || "reason" in token) {
      this.#fail(failure ?? LATE);
      throw new Error((failure ?? LATE).reason.message);
    }
    this.#url = new URL("/v1/realtime/connect", token.apiBaseUrl);
    this.#url.searchParams.set("token", token.key);
    this.#startedAt ??= issuedAt(token.key);
    // The start of a page is the server's time, since clocks differ.
    this.#since ??= this.#startedAt;
    if (token.reset === true && since !== this.#resetAt && (this.#hasBegun || !this.#isFromStart)) {
      this.#resetAt = since;
      this.#show({ resets: this.#state.resets + 1 });
    }
    return { key: token.key, apiBaseUrl: token.apiBaseUrl };
  }

  #fail({ reason, ends, retryAfter = 0 }: Failure): void {
    this.#reason = reason;
    this.#retryAt = Date.now() + retryAfter * 1000;
    if (ends === "second") this.#refusals += 1;
    const isFinal = ends === "always" || (ends === "first" && !this.#hasOpened) || this.#refusals > 1;
    if (isFinal) this.#show({ connection: { state: "closed", reason, attempt: this.#failures } });
    else this.#show({ connection: { ...this.#state.connection, reason } });
  }

  // -- what the hook has received

  /**
   * Take in what the official hook has now.
   *
   * Returns the messages, and the number of resets, that no handler has been told of. After a change of channel the hook
   * still has the state of the old one, until it has run its own effects: that is left out.
   */
  take(official: Official, channel: string | undefined, topics: readonly string[], limits: Limits): Fresh {
    this.#before ??= official.messages.all;
    if (this.#before === official.messages.all) return { messages: [], resets: 0 };
    const messages = this.#fresh(official.messages.all, limits.limit).filter(
      (message): message is AnyMessage =>
        message.kind === "data" && message.channel === channel && topics.includes(message.topic),
    );
    const last = messages[messages.length - 1];
    if (last !== undefined) {
      this.#since = last.createdAt.toISOString();
      this.#hasBegun = true;
    }
    const latest = Object.fromEntries(messages.map((message) => [message.topic, message]));
    this.#show({
      messages: appended(this.#state.messages, messages, limits.historyLimit),
      latest: last === undefined ? this.#state.latest : { ...this.#state.latest, ...latest },
      run: this.#run(official, last !== undefined),
      connection: this.#connection(official.connectionStatus),
    });
    const resets = this.#state.resets - this.#resetsTold;
    this.#resetsTold = this.#state.resets;
    return { messages, resets };
  }

  #fresh(all: Official["messages"]["all"], limit: number | null): Official["messages"]["all"] {
    const at = this.#last === undefined ? -1 : all.lastIndexOf(this.#last);
    if (this.#last !== undefined && at < 0 && all.length === limit) {
      // More came between two renders than the official hook holds.
      this.#show({ resets: this.#state.resets + 1 });
    }
    this.#last = all[all.length - 1] ?? this.#last;
    return all.slice(at + 1);
  }

  /** Tell how a run goes. The official hook says `running` as soon as it is connected: that alone isn't a run. */
  #run({ runStatus, result }: Official, hasMessages: boolean): RunState {
    const { run } = this.#state;
    const wasOver = isOver(this.#runStatus);
    if (wasOver && runStatus === "running") this.#lastResult = this.#state.run.result;
    this.#runStatus = runStatus;
    if (isOver(runStatus)) {
      // The official hook keeps the result of the run before, if this one has none.
      const isOld = typeof result === "object" && result === this.#lastResult;
      const known = runStatus === "completed" && result != null && !isOld;
      const isSame = run.status === runStatus && run.result === (known ? result : undefined);
      return isSame ? run : { status: runStatus, ...(known && { result }) };
    }
    const isRunning = runStatus === "running" && (wasOver || hasMessages) && run.status !== "running";
    return isRunning ? { status: "running" } : run;
  }

  #connection(status: Official["connectionStatus"]): Connection {
    const before = this.#state.connection;
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
    // The latest messages come once: after that the page follows on.
    if (this.#since === "latest") this.#since = this.#startedAt;
  }

  #lost(status: "error" | "closed"): void {
    this.#failures += 1;
    if (status === "closed") this.#reason = LOST.reason;
    else if (!this.#failedToken && this.#url !== undefined) void this.#ask(this.#url);
  }

  /** Ask the gateway over HTTP why there was no WebSocket: a browser doesn't say. */
  async #ask(url: URL): Promise<void> {
    const failure = await probe(url, AbortSignal.timeout(TOKEN_TIME));
    if (failure !== undefined && this.#url === url && this.#status !== "open") this.#fail(failure);
  }

  #show(changes: Partial<State>): void {
    const names = Object.keys(changes) as (keyof State)[];
    if (names.every((name) => Object.is(changes[name], this.#state[name]))) return;
    this.#state = { ...this.#state, ...changes };
    for (const listener of this.#listeners) listener();
  }
}

type Fresh = { readonly messages: readonly AnyMessage[]; readonly resets: number };

const STATES = {
  idle: "connecting",
  connecting: "connecting",
  open: "open",
  paused: "paused",
  closed: "waiting",
  error: "waiting",
} as const;

const LOST: Failure = {
  reason: { code: "unreachable", message: "The connection was lost. It is tried again." },
  ends: "never",
};
const LATE: Failure = {
  reason: { code: "unreachable", message: `The token route gave no answer in ${TOKEN_TIME / 1000} seconds. It is tried again.` },
  ends: "never",
};

function isOver(status: RunState["status"]): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** Append a cursor to the URL of a token route, which may be relative. */
function withQuery(url: string, { since }: TokenQuery): string {
  if (since === undefined) return url;
  const [path = "", ...fragment] = url.split("#");
  const joined = `${path}${path.includes("?") ? "&" : "?"}since=${encodeURIComponent(since)}`;
  return [joined, ...fragment].join("#");
}

/** Say why a token is no use: it isn't for the channel, or for topics that were asked for. */
function refusalOf(token: Token, channel: string, topics: readonly string[]): Failure | undefined {
  const reason = beyond(token, [channel], topics);
  return reason && { reason, ends: "always" };
}

/** Read when a token was minted, by the server's clock. */
function issuedAt(key: string): string {
  try {
    const claims = JSON.parse(atob((key.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/"))) as { iat?: unknown };
    if (typeof claims.iat === "number") return new Date(claims.iat * 1000).toISOString();
  } catch {
    // It is another server's token.
  }
  return new Date().toISOString();
}
