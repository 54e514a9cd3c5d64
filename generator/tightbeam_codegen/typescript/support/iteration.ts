import type { Reason } from "./_stream";

/** A message that waits for an iteration: the how many-th it is, and the position before it. */
export type Waiting<M> = {
  readonly message: M;
  readonly isDurable: boolean;
  readonly n: number;
  readonly before: string | undefined;
};

/** Messages that wait for an iteration at most. */
const MAX_WAITING = 1_000;

/** Thrown by an iteration when the subscription was refused for good. */
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
  readonly #changed: (isOver: boolean) => void;
  readonly #waiting: Waiting<M>[] = [];
  readonly #asked: { resolve(result: IteratorResult<M>): void; reject(error: unknown): void }[] = [];
  #isEnded = false;
  #reason: Reason | undefined;
  /** Whether durable messages have filled it: the stream pauses until half of them are read. */
  isFull = false;

  constructor(changed: (isOver: boolean) => void) {
    this.#changed = changed;
  }

  /** The message that comes next. */
  get first(): Waiting<M> | undefined {
    return this.#waiting[0];
  }

  /** Add a message. Returns how many live ones were dropped for it, the oldest first. */
  push(waiting: Waiting<M>): number {
    const asked = this.#asked.shift();
    if (asked !== undefined) {
      asked.resolve({ done: false, value: waiting.message });
      return 0;
    }
    this.#waiting.push(waiting);
    if (this.#waiting.length <= MAX_WAITING) return 0;
    const live = this.#waiting.findIndex(({ isDurable }) => !isDurable);
    if (live >= 0) this.#waiting.splice(live, 1);
    this.isFull = live < 0;
    return live < 0 ? 0 : 1;
  }

  end(reason: Reason | undefined): void {
    this.#isEnded = true;
    this.#reason = reason;
    for (const asked of this.#asked.splice(0)) this.next().then(asked.resolve, asked.reject);
  }

  next(): Promise<IteratorResult<M>> {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      if (this.isFull && this.#waiting.length <= MAX_WAITING / 2) {
        this.isFull = false;
        this.#changed(false);
      }
      return Promise.resolve({ done: false, value: waiting.message });
    }
    if (!this.#isEnded) return new Promise((resolve, reject) => this.#asked.push({ resolve, reject }));
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
    this.#changed(true);
    return Promise.resolve({ done: true, value: undefined });
  }
}
