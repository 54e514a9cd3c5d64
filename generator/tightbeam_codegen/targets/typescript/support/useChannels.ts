import { useEffect, useState, useSyncExternalStore } from "react";

import { Follower, restrict } from "./_follower";
import type { LatestOf, Received, ReceiveOptions, RunState } from "./_received";
import type { Channel, MessageOf, TokenSource, Topic } from "./_subscribe";

export type UseChannelsOptions<C, T extends Topic<C> = Topic<C>> = ReceiveOptions<C, T> & {
  /** The URL of a token route for all the channels, or a function that fetches a token, or that route's response. */
  readonly token: TokenSource;
};

/** The result of `useChannels`: that of `useChannel`, with `latest` and `run` by the name of the channel. */
export type ChannelsState<C, T extends Topic<C> = Topic<C>> = Received<MessageOf<C, T>> & {
  readonly latest: { readonly [channel: string]: LatestOf<C, T> | undefined };
  readonly run: { readonly [channel: string]: RunState | undefined };
};

/**
 * Follow a list of channels over one connection, and resume without loss.
 *
 * The list may change between renders: messages of a channel that stays are kept, and no durable message is lost.
 */
export function useChannels<C extends Channel, T extends Topic<C> = Topic<C>>(
  channels: readonly C[],
  options: UseChannelsOptions<C, T>,
): ChannelsState<C, T> {
  const key = JSON.stringify(options.topics ?? null);
  const [held, setFollower] = useState(() => new Follower(key));
  let follower = held;
  if (follower.key !== key) {
    follower = new Follower(key);
    setFollower(follower);
  }
  const state = useSyncExternalStore(follower.listen, follower.state, follower.state);
  useEffect(() => follower.follow(channels, options as unknown as UseChannelsOptions<Channel, string>));
  useEffect(() => follower.leave, [follower]);
  const shown = restrict(state, new Map(channels.map((channel) => [channel.name, channel])));
  return { ...(shown as unknown as ChannelsState<C, T>), retry: follower.retry };
}
