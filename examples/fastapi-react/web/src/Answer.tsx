import { Fragment, type SubmitEvent, useEffect, useMemo, useRef, useState } from "react";

import { fetchToken, madeId, request } from "./api";
import type { RunState } from "./channels/_received";
import { useChannel } from "./channels/_useChannel";
import { pipelineChannel } from "./channels/pipeline";
import { closedBecause, isLost } from "./connection";
import { joined } from "./joined";
import { Problem } from "./Problem";
import { useQuiet } from "./useQuiet";
import { useRequest } from "./useRequest";

interface Asked {
  readonly id: string;
  readonly question: string;
}

/** A question, and the answer as it is written. */
export function Answer() {
  const [asked, setAsked] = useState<Asked | null>(null);
  const { pending, problem, run } = useRequest();
  const button = useRef<HTMLButtonElement>(null);

  async function ask(question: string) {
    if (pending) return;
    await run(async () => {
      const id = madeId(await request("/api/questions", { method: "POST" }));
      setAsked({ id, question });
    });
  }

  function submitted(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const question = new FormData(event.currentTarget).get("question");
    if (typeof question === "string") void ask(question.trim());
  }

  function askAgain(question: string) {
    button.current?.focus(); // the one that was clicked goes away
    void ask(question);
  }

  return (
    <section className="card" aria-labelledby="answer">
      <h2 id="answer">Ask something</h2>
      <p className="muted">Tokens are live and come one by one. The whole answer is the run's result.</p>
      <form className="ask" onSubmit={submitted}>
        <label>
          <span>Question</span>
          <input name="question" defaultValue="What is a channel?" required maxLength={500} autoComplete="off" />
        </label>
        <button ref={button} type="submit" aria-disabled={pending}>
          Ask
        </button>
      </form>
      <Problem text={problem} />
      {asked !== null && <Stream key={asked.id} {...asked} onAskAgain={askAgain} />}
    </section>
  );
}

/** One question's channel, from the first token to the result of the run. */
function Stream({ id, question, onAskAgain }: Asked & { readonly onAskAgain: (question: string) => void }) {
  const { messages, latest, run, connection } = useChannel(pipelineChannel({ runId: id }), {
    token: ({ since, signal }) => fetchToken(`/api/token/pipeline/${id}`, since === undefined ? {} : { since }, signal),
    from: "start",
    historyLimit: null,
  });

  // What is live isn't kept for anybody: begin when there is somebody to listen.
  const asking = useRequest();
  const { run: begin } = asking;
  const begun = useRef(false);
  useEffect(() => {
    if (connection.state !== "open" || begun.current) return;
    begun.current = true;
    void begin(() => request(`/api/questions/${id}`, { method: "PUT", json: { question } }));
  }, [connection.state, id, question, begin]);

  const pieces = useMemo(() => {
    if (typeof run.result === "string") return [run.result];
    return joined(messages.flatMap((one) => (one.topic === "tokens" ? [one.data] : [])));
  }, [messages, run.result]);
  const state = stateOf({ run, lost: isLost(connection), hasGaps: pieces.length > 1 });
  const isQuiet = useQuiet(state === "running" || state === "gap", messages.length);
  const refused = messages.length === 0 ? asking.problem : null;
  const unfinished = closedBecause(connection) ?? refused ?? (isQuiet ? QUIET : null);

  return (
    <div className="answer">
      <p className="muted" role="status">
        {SAID[state] ?? latest.status?.data.message ?? "Connecting…"}
      </p>
      <Problem text={state === "failed" ? "The answer couldn't be finished." : state === "completed" ? null : unfinished}>
        <button
          type="button"
          onClick={() => {
            onAskAgain(question);
          }}
        >
          Ask again
        </button>
      </Problem>
      <p className="text" data-state={state === "lost" || state === "gap" ? "waiting" : state}>
        {pieces.map((piece, index) => (
          <Fragment key={index}>
            {index > 0 && <Gap />}
            {piece}
          </Fragment>
        ))}
        {state === "lost" && pieces.length === 1 && pieces[0] !== "" && <Gap />}
      </p>
    </div>
  );
}

type State = "running" | "completed" | "failed" | "lost" | "gap";

function stateOf({ run, lost, hasGaps }: { run: RunState; lost: boolean; hasGaps: boolean }): State {
  if (run.status === "completed") return "completed";
  if (run.status === "failed" || run.status === "cancelled") return "failed";
  if (lost) return "lost";
  return hasGaps ? "gap" : "running";
}

/** What is said of a state, where it isn't what the server says. */
const SAID: Readonly<Partial<Record<State, string>>> = {
  completed: "Done.",
  failed: "",
  lost: "The connection is lost. The answer goes on by itself when the server is back.",
  gap: "Words are missing here until the answer is finished.",
};

const QUIET = "Nothing has come for a while. The server may have lost this question.";

/** Stands where tokens are missing. */
function Gap() {
  return <span className="gap">[…] </span>;
}
