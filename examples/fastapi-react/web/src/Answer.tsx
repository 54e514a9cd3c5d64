import { useRealtime } from "inngest/react";
import { type FormEvent, useEffect, useMemo, useRef, useState } from "react";

import { pipelineChannel } from "./channels/pipeline.js";
import { useToken } from "./token.js";

type Asked = { id: string; question: string };

/** A question, and the answer as it is written. */
export function Answer() {
  const [asked, setAsked] = useState<Asked | null>(null);

  async function ask(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const question = String(new FormData(event.currentTarget).get("question") ?? "").trim();
    if (question === "") return;
    const made = await fetch("/api/questions", { method: "POST" });
    const { id } = (await made.json()) as { id: string };
    setAsked({ id, question });
  }

  return (
    <section className="card" aria-labelledby="answer">
      <h2 id="answer">Ask something</h2>
      <p className="muted">Tokens are live and come one by one. The whole answer is the run's result.</p>
      <form className="ask" onSubmit={ask}>
        <label>
          <span>Question</span>
          <input name="question" defaultValue="What is a channel?" autoComplete="off" />
        </label>
        <button type="submit">Ask</button>
      </form>
      {asked !== null && <Stream key={asked.id} {...asked} />}
    </section>
  );
}

function Stream({ id, question }: Asked) {
  const channel = useMemo(() => pipelineChannel({ runId: id }), [id]);
  const { token, saw } = useToken(`pipeline/${id}`);
  const { messages, runStatus, result, connectionStatus } = useRealtime({
    channel,
    topics: ["status", "tokens"] as const,
    token,
    historyLimit: null,
  });
  useEffect(() => saw(messages.last), [messages.last, saw]);

  // What is live isn't kept for anybody: begin when there is somebody to listen.
  const begun = useRef(false);
  useEffect(() => {
    if (connectionStatus !== "open" || begun.current) return;
    begun.current = true;
    void fetch(`/api/questions/${id}`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ question }),
    });
  }, [connectionStatus, id, question]);

  // A run that is tried again writes from the beginning; a page that was cut off gets the whole from the result.
  let text = "";
  for (const message of messages.all) {
    if (message.kind !== "data") continue;
    if (message.topic === "status" && message.data.step === "write") text = "";
    else if (message.topic === "tokens") text += message.data.token;
  }
  if (typeof result === "string") text = result;
  const state = runStatus === "completed" ? "Done." : connectionStatus === "error" ? "Connecting again…" : (messages.byTopic.status?.data.message ?? "Connecting…");
  return (
    <div className="answer">
      <p className="muted" role="status">
        {state}
      </p>
      <p className="text" data-state={runStatus}>
        {text}
      </p>
    </div>
  );
}
