import type { Message, NotInferred, Topic } from "./_channel";
import { type Connection, Connector } from "./_connection";
import { Iteration, type Waiting } from "./_iteration";
import { beyondToken, type Failure, type Frame, type Token, type TokenSource } from "./_stream";

export type { Message, Topic } from "./_channel";
export type { Connection } from "./_connection";
export { SubscriptionRefused } from "./_iteration";
export type { Reason, ReasonCode, Token, TokenRequest, TokenSource } from "./_stream";

/** A channel: a generated `…Channel`, called with its parameters if it has any. */
export type Channel = {
  readonly name: string;
  readonly topics: {
    readonly [topic: string]: { readonly schema: { readonly "~standard": { readonly validate: (value: unknown) => unknown } } };
  };
  /** A channel that wasn't called with its parameters has this, and is refused. */
  readonly $params?: never;
};

/** A message of a channel, or of several: `topic` tells which payload it has, and `channel` where it has a fixed name. */
export type MessageOf<C, T extends string = Topic<C>> = C extends { readonly name: infer N }
  ? string extends N
    ? Message<C, T>
    : Message<C, T> & { readonly channel: N }
  : never;

/** A message of any channel and topic. */
export type AnyMessage = MessageOf<Channel, string>;

/** The state of a run that publishes on a channel. */
export type Run = {
  readonly kind: "run";
  readonly channel: string;
  readonly runId?: string;
  readonly status: "running" | "completed" | "failed" | "cancelled";
  readonly result?: unknown;
  readonly createdAt: Date;
};

/** A message whose payload breaks its schema. */
export type InvalidMessage = {
  readonly channel: string;
  readonly topic: string;
  readonly data: unknown;
  readonly issues: ReadonlyArray<{ readonly message: string; readonly path?: ReadonlyArray<unknown> | undefined }>;
  readonly createdAt: Date;
  readonly runId?: string;
};

/** Where a subscription begins: see `SubscribeOptions.from`. */
export type From = "now" | "latest" | "start" | Date | { readonly after: string };

/** The options that `subscribe` and the hooks for React share. */
export type CommonOptions<C, T extends Topic<C>> = {
  /** The topics to follow; the token must allow each. The default is all topics that the token allows. */
  readonly topics?: readonly T[] | undefined;
  /** Whether to disconnect while the page is hidden, and to resume afterwards. The default is false. */
  readonly pauseOnHidden?: boolean | undefined;
  /** Called for each message, once and in order. */
  readonly onMessage?: ((message: MessageOf<C, NotInferred<T>>) => void) | undefined;
  /** Called when messages are missing because they are no longer retained. */
  readonly onReset?: (() => void) | undefined;
};

export type SubscribeOptions<C, T extends Topic<C> = Topic<C>> = CommonOptions<C, T> & {
  /** The URL of a token route, or a function that fetches a token or that route's response. */
  readonly token: TokenSource;
  /**
   * Where to begin: with what is published from now on (the default), the latest durable message of each topic, all that is
   * retained, durable messages after a time, or after the `position` of an earlier subscription.
   */
  readonly from?: From | undefined;
  /** How to connect. The default is a WebSocket where the platform has one, else server-sent events. */
  readonly transport?: "websocket" | "sse" | undefined;
  /** Closes the subscription when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Called when a run that publishes on one of the channels starts or ends. */
  readonly onRun?: ((run: Run) => void) | undefined;
  /** Called at each change of `connection`. */
  readonly onConnection?: ((connection: Connection) => void) | undefined;
  /** Called for each message that breaks its schema; such messages are skipped. The default logs them. */
  readonly onInvalidMessage?: ((invalid: InvalidMessage) => void) | undefined;
};

/** A subscription: iterate over its messages, or give `onMessage`. Without `onMessage`, leaving the only loop closes it. */
export interface Subscription<C, T extends Topic<C> = Topic<C>> extends AsyncIterable<MessageOf<C, T>> {
  readonly connection: Connection;
  /** The position of the last message. Another subscription resumes there by `from: { after }`. Inngest's server has none. */
  readonly position: string | undefined;
  /** How many live messages were lost because the page was too slow for them. */
  readonly dropped: number;
  /** Return the latest message that was received of a topic. */
  latest<D extends C, K extends Topic<D> & T>(channel: D, topic: K): MessageOf<D, K> | undefined;
  /** End the subscription, and its iterations. */
  close(): void;
}

/**
 * Subscribe to a channel, or to several over one connection.
 *
 * It reconnects by itself, with a fresh token, and resumes: durable messages come once and in order. It ends when it is
 * closed, or when the token route or the gateway refuses it.
 */
export function subscribe<C extends Channel, T extends Topic<C> = Topic<C>>(
  channels: C | readonly C[],
  options: SubscribeOptions<C, T>,
): Subscription<C, T> {
  const list = (Array.isArray(channels) ? channels : [channels]) as readonly Channel[];
  return new Subscriber(list, options as unknown as Options) as unknown as Subscription<C, T>;
}

// -- the subscriber -----------------------------------------------------------------------------------------------------

/** An option for lists that change: whether a channel still has to be in the token. */
export type Wanting = { readonly isWanted?: (channel: string) => boolean };
type Options = SubscribeOptions<Channel, string> & Wanting;

/** How many ids of durable messages are remembered, to drop repeats. */
const MAX_SEEN = 4_096;

class Subscriber implements Subscription<Channel, string> {
  readonly #options: Options;
  readonly #channels: ReadonlyMap<string, Channel>;
  readonly #topics: ReadonlySet<string> | undefined;
  readonly #connector: Connector;
  readonly #latest = new Map<string, AnyMessage>();
  readonly #seen = new Set<string>();
  readonly #runs = new Map<string, string>();
  readonly #iterations = new Set<Iteration<AnyMessage>>();
  readonly #close = (): void => this.close();
  #position: string | undefined;
  #count = 0;
  #dropped = 0;
  #droppedHere = 0;

  constructor(channels: readonly Channel[], options: Options) {
    checkOptions(options);
    this.#options = options;
    this.#channels = new Map(channels.map((channel) => [nameOf(channel), channel]));
    this.#topics = options.topics === undefined ? undefined : new Set(options.topics);
    for (const topic of options.topics ?? []) {
      if (!channels.some((channel) => isTopic(channel, topic))) throw new TypeError(`no channel has the topic "${topic}"`);
    }
    const begin = queryFrom(options.from);
    if (begin["after"] !== "now" && begin["after"] !== "latest") this.#position = begin["after"];
    const followsNothing = channels.length === 0 || this.#topics?.size === 0;
    this.#connector = new Connector({
      token: options.token,
      transport: options.transport,
      pauseOnHidden: options.pauseOnHidden === true,
      refuse: (token) => this.#refuse(token),
      query: (token) => ({ ...this.#want(token), ...(this.#position === undefined ? begin : { after: this.#position }) }),
      isFull: () => followsNothing || [...this.#iterations].some((iteration) => iteration.isFull),
      onFrame: (frame) => this.#take(frame),
      onConnection: (connection) => this.#changed(connection),
    });
    options.signal?.addEventListener("abort", this.#close);
    // Handlers may use what `subscribe` returns, so none is called before it has returned.
    queueMicrotask(() => (options.signal?.aborted === true ? this.close() : void this.#connector.run()));
  }

  get connection(): Connection {
    return this.#connector.connection;
  }

  get position(): string | undefined {
    let first: Waiting<AnyMessage> | undefined;
    for (const { first: next } of this.#iterations) if (next !== undefined && next.index < (first?.index ?? Infinity)) first = next;
    return first === undefined ? this.#position : first.before;
  }

  get dropped(): number {
    return this.#dropped + this.#droppedHere;
  }

  latest<D extends Channel, K extends string>(channel: D, topic: K): MessageOf<D, K> | undefined {
    return this.#latest.get(addressOf(channel.name, topic)) as MessageOf<D, K> | undefined;
  }

  close(): void {
    this.#connector.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<AnyMessage> {
    const iteration: Iteration<AnyMessage> = new Iteration((isOver) => {
      if (isOver) this.#iterations.delete(iteration);
      // After `break` in the only loop, there is no reader.
      if (isOver && this.#iterations.size === 0 && this.#options.onMessage === undefined) this.close();
      else this.#connector.review();
    });
    if (this.#connector.isClosed) iteration.end(this.connection.reason);
    else this.#iterations.add(iteration);
    return iteration;
  }

  #changed(connection: Connection): void {
    if (connection.state === "open") {
      this.#dropped += this.#droppedHere;
      this.#droppedHere = 0;
    }
    call(this.#options.onConnection, connection);
    if (connection.state !== "closed") return;
    this.#options.signal?.removeEventListener("abort", this.#close);
    for (const iteration of this.#iterations) iteration.end(connection.reason);
    this.#iterations.clear();
  }

  #refuse(token: Token): Failure | undefined {
    const { isWanted = () => true } = this.#options;
    return beyondToken(token, [...this.#channels.keys()].filter(isWanted), this.#topics ?? []);
  }

  /**
   * Return the query that names the topics to follow, so that a token for another channel is refused.
   *
   * Of several channels the token alone decides: their names would make the URL too long.
   */
  #want(token: Token): { readonly want?: string } {
    const [channel] = this.#channels.values();
    const topics = this.#topics ?? (Array.isArray(token.topics) ? (token.topics as string[]) : undefined);
    if (channel === undefined || this.#channels.size > 1 || topics === undefined) return {};
    // The token need not be for a channel that isn't wanted any more.
    if (this.#options.isWanted?.(channel.name) === false) return {};
    const pairs = [...topics].filter((topic) => isTopic(channel, topic)).map((topic) => [channel.name, topic]);
    return pairs.length > 0 ? { want: JSON.stringify(pairs) } : {};
  }

  // -- frames

  #take(frame: Frame): void {
    const { kind, metadata } = frame as { readonly kind?: unknown; readonly metadata?: Frame | null };
    const { position, dropped } = metadata ?? {};
    const before = this.#position;
    if (typeof position === "string") this.#position = position;
    if (kind === "data") {
      if (this.#position !== before) this.#connector.progressed();
      this.#takeData(frame, before);
    } else if (kind === "run") {
      this.#takeRun(frame);
    } else if (kind === "ping") {
      if (typeof dropped === "number") this.#droppedHere = dropped;
    } else if (kind === "reset") {
      if (position === undefined) this.#position = "start";
      call(this.#options.onReset, undefined);
    }
  }

  #takeRun(frame: Frame): void {
    const [first] = this.#channels.keys();
    const channel = typeof frame["channel"] === "string" ? frame["channel"] : (first ?? "");
    const { status, result } = (frame["data"] ?? {}) as { readonly status?: Run["status"]; readonly result?: unknown };
    if (!this.#channels.has(channel) || typeof status !== "string") return;
    const run: Run = { kind: "run", channel, ...originOf(frame), status, ...(result != null && { result }) };
    const key = `${run.runId ?? ""} ${status}`;
    // After a reconnect the gateway may repeat how the last run ended.
    if (run.runId !== undefined && this.#runs.get(channel) === key) return;
    this.#runs.set(channel, key);
    call(this.#options.onRun, run);
  }

  #takeData(frame: Frame, before: string | undefined): void {
    const { channel: name, topic, data } = frame;
    const { id, position } = (frame["metadata"] ?? {}) as Frame;
    if (typeof name !== "string" || typeof topic !== "string") return;
    const channel = this.#channels.get(name);
    if (channel === undefined || !isTopic(channel, topic) || this.#topics?.has(topic) === false) return;
    const address = addressOf(name, topic);
    if (typeof id === "string" && this.#isRepeat(`${address}\n${id}`)) return;
    const origin = originOf(frame);
    const checked = check(channel, topic, data);
    if (checked.issues !== undefined) {
      const invalid: InvalidMessage = { channel: name, topic, data, issues: checked.issues, ...origin };
      return call(this.#options.onInvalidMessage ?? logInvalid, invalid);
    }
    const message: AnyMessage = { kind: "data", channel: name, topic, data: checked.value, ...origin };
    this.#latest.set(address, message);
    const waiting = { message, isDurable: position !== undefined, index: (this.#count += 1), before };
    for (const iteration of this.#iterations) this.#dropped += iteration.push(waiting);
    call(this.#options.onMessage, message);
    this.#connector.review();
  }

  #isRepeat(key: string): boolean {
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    const [oldest] = this.#seen;
    if (this.#seen.size > MAX_SEEN && oldest !== undefined) this.#seen.delete(oldest);
    return false;
  }
}

/** Refuse options that the types refuse, for pages without TypeScript. */
function checkOptions({ token, from = "now", transport = "sse" }: Options): void {
  if (!["string", "function"].includes(typeof token)) throw new TypeError("token is a URL, or a function that fetches a token");
  if (typeof from === "string" && !["now", "latest", "start"].includes(from)) {
    throw new TypeError('from is "now", "latest", "start", a Date or { after: position }');
  }
  if (!["websocket", "sse"].includes(transport)) throw new TypeError('transport is "websocket" or "sse"');
}

function nameOf(channel: Channel): string {
  if (typeof channel === "function") throw new TypeError("a channel with parameters is called with them: channel({ … })");
  return channel.name;
}

function isTopic(channel: Channel, topic: string): boolean {
  return Object.hasOwn(channel.topics, topic);
}

function addressOf(channel: string, topic: string): string {
  return `${channel}\n${topic}`;
}

/** Return the query of the first connection. */
function queryFrom(from: From = "now"): { readonly [name: string]: string } {
  if (typeof from === "string") return { after: from };
  // A gateway sends positions to streams that have `after`.
  return from instanceof Date ? { after: "now", since: from.toISOString() } : { after: from.after };
}

function originOf(frame: Frame): { readonly createdAt: Date; readonly runId?: string } {
  const { created_at: createdAt, run_id: runId } = frame;
  const time = typeof createdAt === "string" ? new Date(createdAt) : new Date();
  return { createdAt: time, ...(typeof runId === "string" && { runId }) };
}

type Checked = { readonly value?: unknown; readonly issues?: InvalidMessage["issues"] | undefined };

function check(channel: Channel, topic: string, data: unknown): Checked {
  const schema = channel.topics[topic]?.schema;
  if (schema === undefined) return { value: data };
  const checked = schema["~standard"].validate(data) as Checked | Promise<Checked>;
  // To wait for one message would hold up those behind it.
  if (!("then" in checked)) return checked;
  return { issues: [{ message: "its schema checks asynchronously, which a subscription doesn't wait for" }] };
}

function logInvalid({ channel, topic, issues }: InvalidMessage): void {
  console.error(`A message on channel "${channel}", topic "${topic}", breaks its schema:`, issues);
}

/** Call a handler, if there is one. What it throws is reported like an error of an event handler. */
export function call<A>(handler: ((argument: A) => void) | undefined, argument: A): void {
  try {
    handler?.(argument);
  } catch (error) {
    const { reportError = console.error } = globalThis as { readonly reportError?: (error: unknown) => void };
    reportError(error);
  }
}
