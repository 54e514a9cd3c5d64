import type { Connection } from "./_connection";
import type { Channel, MessageOf, Topic } from "./_subscribe";

/** The run that published on a channel last; `unknown` until it has published. `result` is what a completed one returned. */
export type RunState = {
  readonly status: "unknown" | "running" | "completed" | "failed" | "cancelled";
  readonly result?: unknown;
};

/** The latest message of each topic. */
export type LatestOf<C, T extends string> = { readonly [K in T]?: MessageOf<C, K & Topic<C>> };

/** A type that isn't inferred from here: `NoInfer`, for compilers before 5.4 as well. */
type Fixed<T> = [T][T extends unknown ? 0 : never];

/** The options that `useChannel` and `useChannels` share. */
export type ReceiveOptions<C, T extends Topic<C>> = {
  /** The topics to follow: all of the channel unless given. */
  readonly topics?: readonly T[] | undefined;
  /**
   * Where to begin: with what is published from now on (the default), the latest durable message of each topic, all that is
   * retained, or durable messages after a time. Changes have an effect for other channels only.
   */
  readonly from?: "now" | "latest" | "start" | Date | undefined;
  /** How many messages `messages` holds, the latest ones: 1000 unless given, all with `null`. */
  readonly historyLimit?: number | null | undefined;
  /** Whether to disconnect while the page is hidden, and to resume afterwards: not unless given. */
  readonly pauseOnHidden?: boolean | undefined;
  /** Whether to be connected: unless it is false. What was received stays, and it resumes from there. */
  readonly enabled?: boolean | undefined;
  /** Called for each message, once and in order: what a reducer's `dispatch` wants. */
  readonly onMessage?: ((message: MessageOf<C, Fixed<T>>) => void) | undefined;
  /** Called when messages are missing: what followed the last one isn't retained any more. */
  readonly onReset?: (() => void) | undefined;
};

/** What both hooks return. */
export type Received<M> = {
  /** The messages, oldest first; the last ones, if there are more than `historyLimit`. */
  readonly messages: readonly M[];
  readonly connection: Connection;
  /** How often messages were missing, since they weren't retained any more. */
  readonly resets: number;
  /** Try again after `connection` was closed for a reason: when the user has signed in, say. */
  readonly retry: () => void;
};

/** A message whose type is checked at the edge. */
export type AnyMessage = MessageOf<Channel, string>;

export const HISTORY_LIMIT = 1_000;

/** Append messages to others, and keep the last ones. */
export function appended<M>(before: readonly M[], more: readonly M[], limit: number | null): readonly M[] {
  if (more.length === 0 && (limit === null || before.length <= limit)) return before;
  const all = [...before, ...more];
  return limit === null || all.length <= limit ? all : all.slice(all.length - Math.max(limit, 0));
}
