import { useCallback, useRef } from "react";

import { request, RequestFailed } from "./api";

/** What the token routes answer, and `useRealtime` takes. */
export type Token = { key: string; apiBaseUrl: string };

/**
 * A token factory for `useRealtime`, which calls it at every connect and reconnect. It carries the time of the last
 * message that `saw` was told of, so that the durable ones after it come first: none is missed, none comes twice.
 *
 * `begin` is where to start; without it the page gets what is published from now on.
 */
export function useToken(path: string, begin?: string) {
  const since = useRef(begin);
  const token = useCallback(async (): Promise<Token> => {
    const query = since.current === undefined ? "" : `?since=${encodeURIComponent(since.current)}`;
    const answer = await request(`/api/token/${path}${query}`);
    if (!isToken(answer)) throw new RequestFailed("The server's answer can't be read.");
    return answer;
  }, [path]);
  const saw = useCallback((message: { kind: string; createdAt?: Date } | { kind: string } | null) => {
    if (message?.kind === "data" && "createdAt" in message) since.current = message.createdAt?.toISOString() ?? since.current;
  }, []);
  return { token, saw };
}

function isToken(value: unknown): value is Token {
  return typeof value === "object" && value !== null && "key" in value && "apiBaseUrl" in value;
}

/** Everything that is retained. */
export const FROM_THE_START = "1970-01-01T00:00:00.000Z";
