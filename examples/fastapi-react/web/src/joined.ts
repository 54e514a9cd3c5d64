import type { Tokens } from "./channels/pipeline";

/**
 * Join the tokens of the latest attempt by their index, into pieces without a gap.
 *
 * Tokens are live: after a reconnect some are missing, and a step that runs again writes all of them once more. So
 * the first piece is the beginning of the answer, which is empty if that is missing, and between two pieces
 * tokens are missing.
 */
export function joined(tokens: readonly Tokens[]): string[] {
  let latest = 0;
  const texts = new Map<number, string>();
  for (const { token, attempt = latest, index } of tokens) {
    if (attempt < latest) continue; // of a writing that was given up: too late
    if (attempt > latest) texts.clear();
    latest = attempt;
    const place = index ?? texts.size; // of a publisher that doesn't count: behind what there is
    if (!texts.has(place)) texts.set(place, token);
  }
  const pieces = [""];
  let next = 0;
  for (const [index, token] of [...texts].toSorted(([one], [other]) => one - other)) {
    if (index > next) pieces.push("");
    pieces.push((pieces.pop() ?? "") + token);
    next = index + 1;
  }
  return pieces;
}
