import { useEffect, useState } from "react";

/** How long something that goes on may bring nothing. */
const QUIET_MS = 20_000;

/** Whether nothing has come for a while. `progress` is another value with each thing that comes. */
export function useQuiet(isWaiting: boolean, progress: unknown): boolean {
  const [quiet, setQuiet] = useState<{ readonly progress: unknown } | null>(null);
  useEffect(() => {
    if (!isWaiting) return undefined;
    const timer = setTimeout(() => {
      setQuiet({ progress });
    }, QUIET_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [isWaiting, progress]);
  return isWaiting && quiet !== null && quiet.progress === progress;
}
