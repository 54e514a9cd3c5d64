import type { Message, Topic } from "./_channel";
import { type Connection, Connector } from "./_connection";
import { Iteration, type Waiting } from "./_iteration";
import { beyond, type Frame, type Reason, type Token, type TokenSource } from "./_stream";

export type { Message, Topic } from "./_channel";
export type { Connection } from "./_connection";
export { SubscriptionRefused } from "./_iteration";
export type { Reason, ReasonCode, Token, TokenSource } from "./_stream";

/** A channel: what a generated `…Channel` is, called with its parameters if it has any. */
export type Channel = {
  readonly name: string;
  readonly topics: {
    readonly [topic: string]: { readonly schema: { readonly "~standard": { readonly validate: (value: unknown) => unknown } } };
  };
  /** Only a channel that still lacks its parameters has this. */
  readonly $params?: never;
};

/** A message of a channel, or of several: `topic` tells which payload it has, and `channel` where it has a fixed name. */
export type MessageOf<C, T extends string = Topic<C>> = C extends { readonly name: infer N }
  ? string extends N
    ? Message<C, T>
    : Message<C, T> & { readonly channel: N }
  : never;

/** What becomes of a run that publishes on a channel. */
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

/** The same topics, where TypeScript isn't to infer them from the handler. */
type Fixed<T> = [T][T extends unknown ? 0 : never];

export type SubscribeOptions<C, T extends Topic<C> = Topic<C>> = {
  /** The URL of a token route, or a function that fetches a token or that route's response. */
  readonly token: TokenSource;
  /** The topics to follow, for which the token must be. Unless given, all of the channels that it is for. */
  readonly topics?: readonly T[] | undefined;
  /**
   * Where to begin: with what is published from now on (the default), the latest durable message of each topic, all that is
   * retained, durable messages after a time, or after the `position` of an earlier subscription.
   */
  readonly from?: From | undefined;
  /** The default is a WebSocket where there is one, else server-sent events. */
  readonly transport?: "websocket" | "sse" | undefined;
  /** Whether to disconnect while the page is hidden, and to resume afterwards. */
  readonly pauseOnHidden?: boolean | undefined;
  /** Closes the subscription. */
  readonly signal?: AbortSignal | undefined;
  readonly onMessage?: ((message: MessageOf<C, Fixed<T>>) => void) | undefined;
  /** Called when messages are missing: what followed the last one isn't retained any more. */
  readonly onReset?: (() => void) | undefined;
  readonly onRun?: ((run: Run) => void) | undefined;
  readonly onConnection?: ((connection: Connection) => void) | undefined;
  /** Called for messages that break their schemas, which are skipped: they are logged unless given. */
  readonly onInvalidMessage?: ((invalid: InvalidMessage) => void) | undefined;
};

/** A subscription: iterate over its messages, or give `onMessage`. Leaving the only loop closes it, unless it has `onMessage`. */
export interface Subscription<C, T extends Topic<C> = Topic<C>> extends AsyncIterable<MessageOf<C, T>> {
  readonly connection: Connection;
  /** Where it is: give it to another subscription as `from: { after }`. Inngest's server has no positions. */
  readonly position: string | undefined;
  /** Live messages that were lost since a reader was too slow for them. */
  readonly dropped: number;
  /** The latest message of a topic. */
  latest<D extends C, K extends Topic<D> & T>(channel: D, topic: K): MessageOf<D, K> | undefined;
  close(): void;
}

/**
 * Subscribe to a channel, or to several over one connection.
 *
 * It connects again by itself, with a fresh token, and resumes: durable messages come once and in order.
 */
export function subscribe<C extends Channel, T extends Topic<C> = Topic<C>>(
  channels: C | readonly C[],
  options: SubscribeOptions<C, T>,
): Subscription<C, T> {
  const list = (Array.isArray(channels) ? channels : [channels]) as readonly Channel[];
  return new Subscriber(list, options as unknown as Options) as unknown as Subscription<C, T>;
}

// -- how -----------------------------------------------------------------------------------------------------

/** What a list that changes says besides: a token needn't be for channels that have left it. */
export type Wanting = { readonly isWanted?: (channel: string) => boolean };
type Options = SubscribeOptions<Channel, string> & Wanting;
type AnyMessage = MessageOf<Channel, string>;

/** Ids of durable messages that are remembered, to drop repeats. */
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
    const begin = beginning(options.from);
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
    // What is called back for can use what `subscribe` returns.
    queueMicrotask(() => (options.signal?.aborted === true ? this.close() : void this.#connector.run()));
  }

  get connection(): Connection {
    return this.#connector.connection;
  }

  get position(): string | undefined {
    let first: Waiting<AnyMessage> | undefined;
    for (const { first: next } of this.#iterations) if (next !== undefined && next.n < (first?.n ?? Infinity)) first = next;
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
      // A loop that was left with `break` was the only reader.
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

  // -- what to follow

  #refuse(token: Token): Reason | undefined {
    const { isWanted = () => true } = this.#options;
    return beyond(token, [...this.#channels.keys()].filter(isWanted), [...(this.#topics ?? [])]);
  }

  /** Name one channel's topics, so that a token of another one is refused. Of several the token alone decides: a query has its limits. */
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
    const told = `${run.runId ?? ""} ${status}`;
    // A reader that comes back may be told again how the last run ended.
    if (run.runId !== undefined && this.#runs.get(channel) === told) return;
    this.#runs.set(channel, told);
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
    const waiting = { message, isDurable: position !== undefined, n: (this.#count += 1), before };
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

/** Refuse what the types refuse, for pages without TypeScript. */
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

/** Return the query for the first connection. */
function beginning(from: From = "now"): { readonly [name: string]: string } {
  if (typeof from === "string") return { after: from };
  // With `after` a gateway tells positions.
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
  // Messages stay in order, so none waits for its check.
  if (!("then" in checked)) return checked;
  return { issues: [{ message: "its schema checks asynchronously, which a subscription doesn't wait for" }] };
}

function logInvalid({ channel, topic, issues }: InvalidMessage): void {
  console.error(`A message on channel "${channel}", topic "${topic}", breaks its schema:`, issues);
}

/** Call a handler. What it throws is reported as an event handler's error is, and stops nothing. */
export function call<A>(handler: ((argument: A) => void) | undefined, argument: A): void {
  try {
    handler?.(argument);
  } catch (error) {
    const { reportError = console.error } = globalThis as { readonly reportError?: (error: unknown) => void };
    reportError(error);
  }
}
