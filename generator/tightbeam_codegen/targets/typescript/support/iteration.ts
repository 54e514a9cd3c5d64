import type { Reason } from "./_stream";

/** A message that waits to be read by an iteration. */
export type Waiting<M> = {
  readonly message: M;
  readonly isDurable: boolean;
  /** Its number in the subscription. */
  readonly index: number;
  /** The subscription's position before it. */
  readonly before: string | undefined;
};

/** The most messages that wait for an iteration. */
const MAX_WAITING = 1_000;

/** The error that an iteration throws when its subscription is refused for good. */
export class SubscriptionRefused extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(reason.message);
    this.name = "SubscriptionRefused";
    this.reason = reason;
  }
}

/** Iterates over messages as they come. */
export class Iteration<M> implements AsyncIterator<M> {
  readonly #onChange: (isOver: boolean) => void;
  readonly #waiting: Waiting<M>[] = [];
  readonly #readers: { resolve(result: IteratorResult<M>): void; reject(error: unknown): void }[] = [];
  #isEnded = false;
  #reason: Reason | undefined;
  /** Whether durable messages alone fill it. The stream then pauses until half of them are read. */
  isFull = false;

  constructor(onChange: (isOver: boolean) => void) {
    this.#onChange = onChange;
  }

  /** The message that comes next. */
  get first(): Waiting<M> | undefined {
    return this.#waiting[0];
  }

  /** Add a message. If there are too many, drop the oldest live one. Returns how many were dropped. */
  push(waiting: Waiting<M>): number {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: waiting.message });
      return 0;
    }
    this.#waiting.push(waiting);
    if (this.#waiting.length <= MAX_WAITING) return 0;
    const live = this.#waiting.findIndex(({ isDurable }) => !isDurable);
    if (live >= 0) this.#waiting.splice(live, 1);
    this.isFull = live < 0;
    return live < 0 ? 0 : 1;
  }

  /** End it after the messages that wait; with a reason, by an error. */
  end(reason: Reason | undefined): void {
    this.#isEnded = true;
    this.#reason = reason;
    for (const reader of this.#readers.splice(0)) this.next().then(reader.resolve, reader.reject);
  }

  next(): Promise<IteratorResult<M>> {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      if (this.isFull && this.#waiting.length <= MAX_WAITING / 2) {
        this.isFull = false;
        this.#onChange(false);
      }
      return Promise.resolve({ done: false, value: waiting.message });
    }
    if (!this.#isEnded) return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
    const reason = this.#reason;
    this.#reason = undefined;
    return reason === undefined
      ? Promise.resolve({ done: true, value: undefined })
      : Promise.reject(new SubscriptionRefused(reason));
  }

  return(): Promise<IteratorResult<M>> {
    this.#waiting.length = 0;
    this.isFull = false;
    this.end(undefined);
    this.#onChange(true);
    return Promise.resolve({ done: true, value: undefined });
  }
}
