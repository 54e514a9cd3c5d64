import { useRealtime } from "inngest/react";
import { type ChangeEvent, useEffect, useMemo, useRef, useState } from "react";

import { problemOf } from "./api";
import { uploadsChannel } from "./channels/uploads";
import { Problem } from "./Problem";
import { FROM_THE_START, useToken } from "./token";
import { upload } from "./upload";
import { useConnection } from "./useConnection";

/** A file on its way: it has an id when the server has it. */
type Sent = {
  readonly localId: number;
  readonly file: File;
  readonly percent: number;
  readonly id: string | null;
  readonly problem: string | null;
};

/** Files to choose, and how each of them is getting on. */
export function Uploads() {
  const [files, setFiles] = useState<readonly Sent[]>([]);
  const [announced, setAnnounced] = useState("");
  const count = useRef(0);

  function change(localId: number, changes: Partial<Sent>) {
    setFiles((before) => before.map((one) => (one.localId === localId ? { ...one, ...changes } : one)));
  }

  async function send(localId: number, file: File) {
    try {
      const id = await upload(file, (percent) => {
        change(localId, { percent });
      });
      change(localId, { id });
    } catch (error) {
      change(localId, { problem: problemOf(error) });
    }
  }

  function choose(event: ChangeEvent<HTMLInputElement>) {
    const chosen = [...(event.currentTarget.files ?? [])];
    setAnnounced(chosen.length === 0 ? "" : `Sending ${chosen.map((file) => file.name).join(", ")}.`);
    for (const file of chosen) {
      count.current += 1;
      const localId = count.current;
      setFiles((before) => [{ localId, file, percent: 0, id: null, problem: null }, ...before]);
      void send(localId, file);
    }
    event.currentTarget.value = ""; // so that the same file can be chosen again
  }

  function sendAgain({ localId, file }: Sent) {
    change(localId, { percent: 0, problem: null });
    void send(localId, file);
  }

  return (
    <section className="card" aria-labelledby="uploads">
      <h2 id="uploads">Upload a file</h2>
      <p className="muted">Progress is live. The result is durable: it arrives even if the server dies in between.</p>
      <label className="choose">
        <input type="file" multiple onChange={choose} />
        <span>Choose a file</span>
      </label>
      <span role="status" className="hidden">
        {announced}
      </span>
      <ul className="uploads">
        {files.map((one) => (
          <Upload
            key={one.localId}
            {...one}
            onSendAgain={() => {
              sendAgain(one);
            }}
          />
        ))}
      </ul>
    </section>
  );
}

function Upload({ file, percent, id, problem, onSendAgain }: Sent & { readonly onSendAgain: () => void }) {
  const item = useRef<HTMLLIElement>(null);
  return (
    <li ref={item} tabIndex={-1}>
      <span className="name">{file.name}</span>
      {id !== null ? (
        <Received id={id} name={file.name} />
      ) : problem === null ? (
        <Progress name={file.name} percent={percent} text={`Sending, ${percent.toString()} %`} />
      ) : (
        <Problem text={`${file.name} wasn't sent. ${problem}`}>
          <button
            type="button"
            onClick={() => {
              item.current?.focus(); // the button goes away
              onSendAgain();
            }}
          >
            Send again
          </button>
        </Problem>
      )}
    </li>
  );
}

/** A file that the server has: what it does with it, and what came of it. */
function Received({ id, name }: { readonly id: string; readonly name: string }) {
  const channel = useMemo(() => uploadsChannel({ uploadId: id }), [id]);
  const { token, saw } = useToken(`uploads/${id}`, FROM_THE_START);
  const { messages, connectionStatus, runStatus } = useRealtime({
    channel,
    topics: ["status", "result"] as const,
    token,
    pauseOnHidden: false,
  });
  useEffect(() => {
    saw(messages.last);
  }, [messages.last, saw]);
  const connection = useConnection(connectionStatus);

  const result = messages.byTopic.result?.data;
  const status = messages.byTopic.status?.data ?? { message: "Waiting…" };
  const failed = result === undefined ? runStatus === "failed" : !result.success;
  return (
    <>
      {failed ? (
        <span className="bad">It couldn't be stored</span>
      ) : result !== undefined ? (
        <a href={result.url}>Stored: download it</a>
      ) : (
        <Progress name={name} percent={status.percent} text={connection === "lost" ? "Connection lost: waiting…" : status.message} />
      )}
      <span role="status" className="hidden">
        {failed ? `${name} couldn't be stored.` : result !== undefined ? `${name} is stored.` : ""}
      </span>
    </>
  );
}

function Progress({ name, percent, text }: { readonly name: string; readonly percent?: number | undefined; readonly text: string }) {
  return (
    <>
      <progress aria-label={`Progress of ${name}`} max={100} value={percent} />
      <span className="muted">{text}</span>
    </>
  );
}
