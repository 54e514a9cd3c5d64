import { type ReactNode, useEffect, useState } from "react";

import { problemOf, signIn } from "./api";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/** Shows its children once there is a session. While the server is away it says so, and tries again by itself. */
export function SignedIn({ children }: { children: ReactNode }) {
  const [ready, setReady] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [round, setRound] = useState(0);

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    async function attempt(pause: number) {
      try {
        await signIn(stop.signal);
        if (!stop.signal.aborted) setReady(true);
      } catch (error) {
        if (stop.signal.aborted) return;
        setProblem(problemOf(error));
        timer = setTimeout(() => void attempt(Math.min(pause * 2, LONGEST_PAUSE_MS)), pause);
      }
    }
    void attempt(FIRST_PAUSE_MS);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [round]);

  useEffect(() => {
    const tryNow = () => {
      setRound((before) => before + 1);
    };
    if (ready) return undefined;
    window.addEventListener("online", tryNow);
    return () => {
      window.removeEventListener("online", tryNow);
    };
  }, [ready]);

  if (ready) return children;
  return (
    <main className="alone">
      <div role="status">
        <h1>Tightbeam</h1>
        <p>{problem === null ? "Connecting…" : `${problem} This page goes on by itself when it is back.`}</p>
      </div>
      {problem !== null && (
        <button
          type="button"
          onClick={() => {
            setRound((before) => before + 1);
          }}
        >
          Try now
        </button>
      )}
    </main>
  );
}
