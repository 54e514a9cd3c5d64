import type { Connection } from "./channels/_subscribe";

/** Whether a connection was lost, or couldn't be made. Unless it is closed, it is tried again by itself. */
export function isLost({ state, attempt }: Connection): boolean {
  return state === "waiting" || state === "closed" || (state === "connecting" && attempt > 0);
}

/** Why a connection is closed, for the person at the page; null while it isn't. */
export function closedBecause({ state, reason }: Connection): string | null {
  if (state !== "closed") return null;
  if (reason?.status === 404) return "The server knows nothing of this any more.";
  return reason?.message ?? "The connection is closed.";
}
