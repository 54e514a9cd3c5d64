import type { Connection } from "./_connection";
import type { CommonOptions, From, MessageOf, Topic } from "./_subscribe";

/** The latest run that publishes on a channel; `unknown` before its first message. `result` is what a completed run returned. */
export type RunState = {
  readonly status: "unknown" | "running" | "completed" | "failed" | "cancelled";
  readonly result?: unknown;
};

/** The latest message of each topic. */
export type LatestOf<C, T extends string> = { readonly [K in T]?: MessageOf<C, K & Topic<C>> };

/** The options that `useChannel` and `useChannels` share. */
export type ReceiveOptions<C, T extends Topic<C>> = CommonOptions<C, T> & {
  /**
   * Where to begin: with what is published from now on (the default), the latest durable message of each topic, all that is
   * retained, or durable messages after a time. A change has an effect on channels that are followed later.
   */
  readonly from?: Exclude<From, { readonly after: string }> | undefined;
  /** How many messages `messages` holds, the latest ones. The default is 1000; `null` holds all. */
  readonly historyLimit?: number | null | undefined;
  /** Whether to be connected; the default is true. While it is false, the messages stay; afterwards it resumes. */
  readonly enabled?: boolean | undefined;
};

/** The part of their results that both hooks share. */
export type Received<M> = {
  /** The messages, oldest first: the latest `historyLimit` of them. */
  readonly messages: readonly M[];
  readonly connection: Connection;
  /** How often messages were missing because they were no longer retained. */
  readonly resets: number;
  /** Connect again after `connection` was `closed` with a reason: when the user has signed in, for example. */
  readonly retry: () => void;
};

/** The state of a hook for `useSyncExternalStore`. It outlives connections and effects. */
export class Store<S extends object> {
  #state: S;
  readonly #listeners = new Set<() => void>();

  constructor(initial: S) {
    this.#state = initial;
  }

  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): S => this.#state;

  /** Change parts of the state. Without a difference, nothing is rendered. */
  protected setState(changes: Partial<S>): void {
    const names = Object.keys(changes) as (keyof S)[];
    if (names.every((name) => Object.is(changes[name], this.#state[name]))) return;
    this.#state = { ...this.#state, ...changes };
    for (const listener of this.#listeners) listener();
  }
}

export const HISTORY_LIMIT = 1_000;

/** Append messages to others, and keep the latest `limit` of them. */
export function appended<M>(before: readonly M[], more: readonly M[], limit: number | null): readonly M[] {
  if (more.length === 0 && (limit === null || before.length <= limit)) return before;
  const all = [...before, ...more];
  return limit === null || all.length <= limit ? all : all.slice(all.length - Math.max(limit, 0));
}
