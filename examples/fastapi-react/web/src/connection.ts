import type { Connection } from "./channels/_subscribe";

/** Whether a connection was lost, or couldn't be made. Unless it is closed, it is tried again by itself. */
export function isLost({ state, attempt }: Connection): boolean {
  return state === "waiting" || state === "closed" || (state === "connecting" && attempt > 0);
}
