import type { UseRealtimeConnectionStatus } from "inngest/react";
import { useState } from "react";

/** The state of a connection for a person: once it is lost it stays so until it is open again, however often it is tried. */
export function useConnection(status: UseRealtimeConnectionStatus): "connecting" | "open" | "lost" {
  const [shown, setShown] = useState<"connecting" | "open" | "lost">("connecting");
  const now = status === "open" ? "open" : status === "error" || status === "closed" ? "lost" : shown;
  if (now !== shown) setShown(now);
  return now;
}
