import { useRealtime } from "inngest/react";
import { type FormEvent, Fragment, useEffect, useMemo, useRef, useState } from "react";

import { madeId, request } from "./api";
import { pipelineChannel } from "./channels/pipeline";
import { joined } from "./joined";
import { Problem } from "./Problem";
import { FROM_THE_START, useToken } from "./token";
import { useConnection } from "./useConnection";
import { useRequest } from "./useRequest";

type Asked = { readonly id: string; readonly question: string };

/** A question, and the answer as it is written. */
export function Answer() {
  const [asked, setAsked] = useState<Asked | null>(null);
  const { pending, problem, run } = useRequest();
  const button = useRef<HTMLButtonElement>(null);

  async function ask(question: string) {
    if (pending || question === "") return;
    await run(async () => {
      const id = madeId(await request("/api/questions", { method: "POST" }));
      setAsked({ id, question });
    });
  }

  function submitted(event: FormEvent<HTMLFormElement>) {
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

function Stream({ id, question, onAskAgain }: Asked & { readonly onAskAgain: (question: string) => void }) {
  const channel = useMemo(() => pipelineChannel({ runId: id }), [id]);
  const { token, saw } = useToken(`pipeline/${id}`, FROM_THE_START);
  const { messages, runStatus, result, connectionStatus } = useRealtime({
    channel,
    topics: ["status", "tokens"] as const,
    token,
    historyLimit: null,
    pauseOnHidden: false,
  });
  useEffect(() => {
    saw(messages.last);
  }, [messages.last, saw]);
  const connection = useConnection(connectionStatus);

  // What is live isn't kept for anybody: begin when there is somebody to listen.
  const { problem, run } = useRequest();
  const begun = useRef(false);
  useEffect(() => {
    if (connectionStatus !== "open" || begun.current) return;
    begun.current = true;
    void run(async () => void (await request(`/api/questions/${id}`, { method: "PUT", json: { question } })));
  }, [connectionStatus, id, question, run]);

  const tokens = useMemo(
    () => messages.all.flatMap((one) => (one.kind === "data" && one.topic === "tokens" ? [one.data] : [])),
    [messages.all],
  );
  const pieces = useMemo(() => (typeof result === "string" ? [result] : joined(tokens)), [result, tokens]);
  const over = runStatus === "completed" || runStatus === "failed" || runStatus === "cancelled";
  const cutOff = !over && connection === "lost";
  const waits = cutOff || (!over && pieces.length > 1);
  const failed = runStatus === "failed" || runStatus === "cancelled" ? "The answer couldn't be finished." : null;
  const refused = messages.all.length === 0 && !over ? problem : null;

  return (
    <div className="answer">
      <p className="muted" role="status">
        {over ? (failed === null ? "Done." : "") : cutOff ? "The connection is lost. The answer goes on by itself when the server is back." : waits ? "Words are missing here until the answer is finished." : (messages.byTopic.status?.data.message ?? "Connecting…")}
      </p>
      <Problem text={failed ?? refused}>
        <button
          type="button"
          onClick={() => {
            onAskAgain(question);
          }}
        >
          Ask again
        </button>
      </Problem>
      <p className="text" data-state={waits ? "waiting" : runStatus}>
        {pieces.map((piece, index) => (
          <Fragment key={index}>
            {index > 0 && <Gap />}
            {piece}
          </Fragment>
        ))}
        {cutOff && pieces.length === 1 && pieces[0] !== "" && <Gap />}
      </p>
    </div>
  );
}

/** Stands where tokens are missing. */
function Gap() {
  return <span className="gap">[…] </span>;
}
