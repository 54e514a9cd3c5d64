import { useRealtime } from "inngest/react";
import { type ChangeEvent, useEffect, useMemo, useState } from "react";

import { uploadsChannel } from "./channels/uploads.js";
import { FROM_THE_START, useToken } from "./token.js";

type Sent = { id: string; name: string };

/** Files to choose, and how each of them is getting on. */
export function Uploads() {
  const [sent, setSent] = useState<Sent[]>([]);
  const [sending, setSending] = useState<number | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  async function choose(event: ChangeEvent<HTMLInputElement>) {
    const input = event.currentTarget;
    const file = input.files?.[0];
    if (file === undefined) return;
    setProblem(null);
    setSending(0);
    try {
      const id = await post(file, setSending);
      setSent((before) => [{ id, name: file.name }, ...before]);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : "It couldn't be sent.");
    }
    setSending(null);
    input.value = "";
  }

  return (
    <section className="card" aria-labelledby="uploads">
      <h2 id="uploads">Upload a file</h2>
      <p className="muted">Progress is live. The result is durable: it arrives even if the server dies in between.</p>
      <label className="choose">
        <input type="file" onChange={choose} disabled={sending !== null} />
        <span>{sending === null ? "Choose a file" : `Sending, ${sending} %`}</span>
      </label>
      {problem !== null && (
        <p role="alert" className="bad">
          {problem}
        </p>
      )}
      <ul className="uploads" aria-live="polite">
        {sent.map((one) => (
          <Upload key={one.id} {...one} />
        ))}
      </ul>
    </section>
  );
}

function Upload({ id, name }: Sent) {
  const channel = useMemo(() => uploadsChannel({ uploadId: id }), [id]);
  const { token, saw } = useToken(`uploads/${id}`, FROM_THE_START);
  const { messages, connectionStatus } = useRealtime({ channel, topics: ["status", "result"] as const, token });
  useEffect(() => saw(messages.last), [messages.last, saw]);

  const result = messages.byTopic.result?.data;
  const status = messages.byTopic.status?.data.message ?? "Waiting…";
  const percent = /(\d+) %/.exec(status)?.[1];
  return (
    <li data-state={result === undefined ? "going" : "done"}>
      <span className="name">{name}</span>
      {result === undefined ? (
        <>
          <progress aria-label={`Progress of ${name}`} max={100} {...(percent === undefined ? {} : { value: Number(percent) })} />
          <span className="muted">{connectionStatus === "error" ? "Connecting again…" : status}</span>
        </>
      ) : (
        <a href={result.url}>{result.success ? "Stored: download it" : "It failed"}</a>
      )}
    </li>
  );
}

/** Send a file; `fetch` doesn't say how far it has got. */
function post(file: File, progress: (percent: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/uploads?name=${encodeURIComponent(file.name)}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => progress(Math.round((100 * event.loaded) / event.total));
    request.onload = () => {
      const answer = request.response as { id?: string; detail?: unknown } | null;
      if (request.status === 200 && answer?.id !== undefined) resolve(answer.id);
      else reject(new Error(typeof answer?.detail === "string" ? answer.detail : `The server answered ${request.status}.`));
    };
    request.onerror = () => reject(new Error("The server can't be reached."));
    request.send(file);
  });
}
