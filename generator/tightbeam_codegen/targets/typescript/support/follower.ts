import { appended, HISTORY_LIMIT, type ReceiveOptions, type RunState, Store } from "./_received";
import { requestToken } from "./_stream";
import { type AnyMessage, call, type Channel, type Connection, type From, type Run } from "./_subscribe";
import { subscribe, type SubscribeOptions, type Subscription, type TokenSource, type Wanting } from "./_subscribe";

type Options = ReceiveOptions<Channel, string> & { readonly token: TokenSource };
type Stream = Subscription<Channel, string>;
/** Called for each message of a stream, and for each change of its connection. */
type OnActivity = (message?: AnyMessage) => void;
type State = {
  readonly messages: readonly AnyMessage[];
  readonly latest: { readonly [channel: string]: { readonly [topic: string]: AnyMessage } };
  readonly run: { readonly [channel: string]: RunState };
  readonly connection: Connection;
  readonly resets: number;
};

const INITIAL: State = {
  messages: [],
  latest: {},
  run: {},
  connection: { state: "connecting", attempt: 0 },
  resets: 0,
};
// All times are in milliseconds.
/** The shortest time between two renders. */
const FRAME = 16;
/** The wait after a change of the list, so that several changes become one. */
const SETTLED = 100;
/** After so long without a message, all retained messages of the new channels have arrived. */
const QUIET = 2_000;
/** How long a replaced stream stays open for messages that are on their way. */
const OVERLAP = 1_000;
/** How long the new stream may repeat messages that the replaced one has brought. */
const REPEATS = 10_000;

/**
 * Follows the channels of one component, over one stream.
 *
 * When the list changes, a new stream resumes at the old one's position; for a moment both are open, and what both bring
 * counts once. A follower outlives connections and effects: it has what was received, and the position.
 */
export class Follower extends Store<State> {
  readonly key: string;
  #options: Options | undefined;
  #channels: ReadonlyMap<string, Channel> = new Map();
  #wanted = "";

  #main: Stream | undefined;
  /** The stream that replaces all others, or has replaced them. */
  #newest: Stream | undefined;
  /** The streams, each with the channels whose messages it brings. */
  readonly #streams = new Map<Stream, Map<string, Channel>>();
  /** The list that the streams were opened for. */
  #followed: ReadonlyMap<string, Channel> = new Map();
  /** Those of its channels that have been in the list since, so that they go on at the position. */
  #held = new Map<string, Channel>();
  #position: string | undefined;
  #isChanging = false;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  /** While streams overlap, for each message: how often the old ones have brought it, minus how often the newest has. */
  #balance: Map<string, number> | undefined;
  /** The new channels, whose retained messages come over a stream of their own. */
  #added: ReadonlyMap<string, Channel> = new Map();
  /** The time of the last message of each of their topics. */
  readonly #times = new Map<string, number>();

  #waiting: AnyMessage[] = [];
  #isDue = false;
  #shownAt = 0;

  constructor(key: string) {
    super(INITIAL);
    this.key = key;
  }

  readonly retry = (): void => {
    if (this.state().connection.state === "closed") this.#open();
  };

  /** Disconnect. The messages stay, and `follow` resumes. */
  readonly leave = (): void => {
    this.#wanted = "";
    this.#close();
  };

  /** Follow these channels from now on. Called after each render, it acts on changes alone. */
  follow(channels: readonly Channel[], options: Options): void {
    this.#options = options;
    const { enabled = true, pauseOnHidden = false } = options;
    const wanted = JSON.stringify([channels.map(({ name }) => name), enabled, pauseOnHidden]);
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#channels = new Map(channels.map((channel) => [channel.name, channel]));
    this.#forget(options.from);
    if (!enabled || this.#channels.size === 0) {
      this.#close();
      this.setState({ connection: { state: "paused", attempt: 0 } });
    } else if (this.#main === undefined) {
      this.#open();
    } else if (!this.#isChanging) {
      this.#isChanging = true;
      this.#later(SETTLED, () => this.#change());
    }
  }

  /** Forget what has left the list. If it comes back, what is retained of it is brought anew, unless `from` is "now". */
  #forget(from: From = "now"): void {
    this.setState(restrict(this.state(), this.#channels));
    this.#waiting = this.#waiting.filter(({ channel }) => this.#channels.has(channel));
    if (from === "now") return;
    for (const channels of [this.#held, ...this.#streams.values()]) {
      for (const name of channels.keys()) if (!this.#channels.has(name)) channels.delete(name);
    }
  }

  // -- streams

  /** Resume with the channels that are held, and bring the others; without any, begin anew. */
  #open(): void {
    this.#close();
    this.setState(restrict(this.state(), this.#held));
    const { from = "now" } = this.#options ?? {};
    if (from !== "now" && this.#held.size === 0) this.#position = undefined;
    const after = this.#position;
    const isPart = after !== undefined && from !== "now" && this.#held.size < this.#channels.size;
    this.#followed = isPart ? new Map(this.#held) : this.#channels;
    this.#held = new Map(this.#followed);
    this.#main = this.#newest = this.#subscribe(this.#followed, after === undefined ? from : { after });
    if (!isPart) return;
    this.#isChanging = true;
    this.#change();
  }

  #close(): void {
    this.#position = this.#newest?.position ?? this.#main?.position ?? this.#position;
    // Without a newest stream, the messages of the new channels may not all have come.
    if (this.#newest === undefined) for (const name of this.#added.keys()) this.#held.delete(name);
    this.#added = new Map();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const streams = [...this.#streams.keys()];
    this.#streams.clear();
    for (const stream of streams) stream.close();
    this.#main = this.#newest = this.#balance = undefined;
    this.#isChanging = this.#isDue = false;
    this.#flush();
  }

  /** Replace the stream by one for the new list, without a gap for channels that stay. */
  #change(): void {
    const after = this.#main?.position;
    // Inngest's server has no positions.
    if (after === undefined) return this.#open();
    const channels = this.#channels;
    const added = new Map([...channels].filter(([name]) => !this.#held.has(name)));
    this.#followed = channels;
    this.#held = new Map(channels);
    this.#balance = new Map();
    this.#added = added;
    this.#times.clear();
    this.#newest = undefined;
    const { from = "now" } = this.#options ?? {};
    if (from === "now" || added.size === 0) return this.#replace(channels, after);
    const begin = Date.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stream = this.#subscribe(added, from, (message) => {
      // A message that is published later doesn't mean that more retained ones follow.
      if (message !== undefined && message.createdAt.getTime() >= begin) return;
      this.#cancel(timer);
      if (stream.connection.state === "open") timer = this.#later(QUIET, () => this.#replace(channels, after));
    });
  }

  #replace(channels: ReadonlyMap<string, Channel>, after: string): void {
    const replaced = [...this.#streams.keys()];
    let isOpen = false;
    const stream = this.#subscribe(channels, { after }, () => {
      if (isOpen || stream.connection.state !== "open") return;
      isOpen = true;
      this.#main = stream;
      this.#later(OVERLAP, () => {
        for (const old of replaced) if (this.#streams.delete(old)) old.close();
        this.#isChanging = false;
        if (this.#hasOtherList()) {
          this.#isChanging = true;
          this.#change();
        } else {
          this.#later(REPEATS, () => (this.#balance = this.#isChanging ? this.#balance : undefined));
        }
      });
    });
    this.#newest = stream;
  }

  #subscribe(channels: ReadonlyMap<string, Channel>, from: From | undefined, onActivity?: OnActivity): Stream {
    const isCurrent = (): boolean => this.#streams.has(stream);
    const brings = (channel: string): boolean => this.#streams.get(stream)?.has(channel) === true;
    const options: SubscribeOptions<Channel, string> & Wanting = {
      token: ({ signal }) => requestToken(this.#options?.token ?? "", signal),
      topics: this.#options?.topics,
      from,
      pauseOnHidden: this.#options?.pauseOnHidden,
      isWanted: (channel) => this.#channels.has(channel),
      onMessage: (message) => {
        if (!isCurrent()) return;
        if (brings(message.channel)) this.#take(message, stream === this.#newest ? -1 : 1);
        onActivity?.(message);
      },
      onRun: (run) => brings(run.channel) && this.#takeRun(run),
      onReset: () => {
        if (!isCurrent()) return;
        this.setState({ resets: this.state().resets + 1 });
        call(this.#options?.onReset, undefined);
      },
      onConnection: (connection) => isCurrent() && this.#connected(stream, connection, onActivity),
    };
    const stream: Stream = subscribe([...channels.values()], options);
    this.#streams.set(stream, new Map([...channels].filter(([name]) => this.#held.has(name))));
    return stream;
  }

  /** Return whether the list is another one than the streams were opened for, or has been in between. */
  #hasOtherList(): boolean {
    const names = [...this.#channels.keys()];
    return names.length !== this.#followed.size || !names.every((name) => this.#held.has(name));
  }

  #connected(stream: Stream, connection: Connection, onActivity: OnActivity | undefined): void {
    onActivity?.();
    if (connection.state === "closed") {
      // One stream was refused for good, and the others would be, too, unless the list is another one by now.
      if (this.#hasOtherList()) return this.#open();
      this.#close();
      this.setState({ connection });
    } else if (stream === this.#main) {
      this.setState({ connection });
    }
  }

  // -- messages

  #take(message: AnyMessage, side: 1 | -1): void {
    if (!this.#channels.has(message.channel)) return;
    if (this.#balance !== undefined) {
      const time = message.createdAt.getTime();
      if (this.#added.has(message.channel)) {
        const address = JSON.stringify([message.channel, message.topic]);
        // The newest stream resumes at the position of the old channels, so it repeats messages of the new ones.
        if (side === -1 && time <= (this.#times.get(address) ?? -Infinity)) return;
        this.#times.set(address, time);
      }
      const key = JSON.stringify([message.channel, message.topic, time, message.data]);
      const balance = this.#balance.get(key) ?? 0;
      if (balance + side === 0) this.#balance.delete(key);
      else this.#balance.set(key, balance + side);
      // The other stream has brought this message already.
      if (balance * side < 0) return;
    }
    this.#waiting.push(message);
    call(this.#options?.onMessage, message);
    if (this.#isDue) return;
    if (Date.now() - this.#shownAt >= FRAME) return this.#flush();
    this.#isDue = true;
    this.#later(FRAME, () => this.#flush());
  }

  #takeRun({ channel, status, result }: Run): void {
    if (!this.#channels.has(channel)) return;
    this.#flush();
    const run = { status, ...(result !== undefined && { result }) };
    this.setState({ run: { ...this.state().run, [channel]: run } });
  }

  #flush(): void {
    this.#isDue = false;
    const messages = this.#waiting;
    this.#waiting = [];
    if (messages.length === 0) return;
    this.#shownAt = Date.now();
    const { historyLimit = HISTORY_LIMIT } = this.#options ?? {};
    const latest: { [channel: string]: { readonly [topic: string]: AnyMessage } } = { ...this.state().latest };
    for (const message of messages) {
      latest[message.channel] = { ...latest[message.channel], [message.topic]: message };
    }
    this.setState({ messages: appended(this.state().messages, messages, historyLimit), latest });
  }

  #cancel(timer: ReturnType<typeof setTimeout> | undefined): void {
    if (timer !== undefined && this.#timers.delete(timer)) clearTimeout(timer);
  }

  #later(time: number, then: () => void): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, time);
    this.#timers.add(timer);
    return timer;
  }
}

/** Return the state of these channels alone; the same object if it has no others. */
export function restrict(state: State, channels: ReadonlyMap<string, unknown>): State {
  const names = [...Object.keys(state.latest), ...Object.keys(state.run)];
  if (names.every((name) => channels.has(name))) return state;
  const kept = <V>(values: { readonly [channel: string]: V }): { readonly [channel: string]: V } =>
    Object.fromEntries(Object.entries(values).filter(([name]) => channels.has(name)));
  const messages = state.messages.filter(({ channel }) => channels.has(channel));
  return { ...state, messages, latest: kept(state.latest), run: kept(state.run) };
}
