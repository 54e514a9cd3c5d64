import { type ChangeEvent, useRef, useState } from "react";
import { flushSync } from "react-dom";

import { fetchToken, problemOf } from "./api";
import type { LatestOf } from "./channels/_received";
import { useChannels } from "./channels/_useChannels";
import { uploadsChannel } from "./channels/uploads";
import { closedBecause, isLost } from "./connection";
import { Problem } from "./Problem";
import { upload } from "./upload";
import { useQuiet } from "./useQuiet";

/** A file that was chosen: it has an id when the server has it. */
interface Sent {
  readonly localId: number;
  readonly file: File;
  readonly percent: number;
  readonly id: string | null;
  readonly problem: string | null;
}

interface UploadProps {
  readonly sent: Sent;
  readonly received: LatestOf<ReturnType<typeof uploadsChannel>, "status" | "result"> | undefined;
  readonly failed: boolean;
  readonly lost: boolean;
  readonly onSendAgain: () => void;
}

const SHOWN = 100;

/** Files to choose, and how each of them is getting on, over one connection for all. */
export function Uploads() {
  const [files, setFiles] = useState<readonly Sent[]>([]);
  const [announced, setAnnounced] = useState("");
  const count = useRef(0);
  const ids = files.flatMap(({ id }) => id ?? []);
  const { latest, run, connection, retry } = useChannels(
    ids.map((uploadId) => uploadsChannel({ uploadId })),
    {
      token: async ({ signal }) => {
        const response = await fetchToken("/api/token/uploads", ids.map((id) => ["id", id]), signal);
        const gone = goneOf(await response.clone().json().catch(() => undefined));
        // At once: the token is for the uploads that are left, and is refused for a longer list.
        flushSync(() => {
          forget(gone);
        });
        return response;
      },
      from: "start",
    },
  );

  function change(localId: number, changes: Partial<Sent>) {
    setFiles((before) => before.map((one) => (one.localId === localId ? { ...one, ...changes } : one)));
  }

  /** Let go of uploads that belong to a session the server has forgotten: the others go on. */
  function forget(gone: readonly unknown[]) {
    if (gone.length === 0) return;
    setFiles((before) =>
      before.map((one) => {
        if (one.id === null || !gone.includes(one.id)) return one;
        return { ...one, id: null, problem: `The server has forgotten ${one.file.name}, and who sent it.` };
      }),
    );
  }

  async function send(localId: number, file: File) {
    try {
      const id = await upload(file, (percent) => {
        change(localId, { percent });
      });
      change(localId, { id });
    } catch (error) {
      change(localId, { problem: `${file.name} wasn't sent. ${problemOf(error)}` });
    }
  }

  function choose(event: ChangeEvent<HTMLInputElement>) {
    const chosen = [...(event.currentTarget.files ?? [])];
    setAnnounced(chosen.length === 0 ? "" : `Sending ${chosen.map((file) => file.name).join(", ")}.`);
    for (const file of chosen) {
      count.current += 1;
      const localId = count.current;
      setFiles((before) => [{ localId, file, percent: 0, id: null, problem: null }, ...before].slice(0, SHOWN));
      void send(localId, file);
    }
    event.currentTarget.value = ""; // so that the same file can be chosen again
  }

  function sendAgain({ localId, file }: Sent) {
    change(localId, { percent: 0, id: null, problem: null });
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
      <Problem text={closedBecause(connection)}>
        <button type="button" onClick={retry}>
          Try again
        </button>
      </Problem>
      <ul className="uploads">
        {files.map((one) => {
          const channel = one.id === null ? "" : uploadsChannel({ uploadId: one.id }).name;
          return (
            <Upload
              key={one.localId}
              sent={one}
              received={latest[channel]}
              failed={run[channel]?.status === "failed"}
              lost={isLost(connection)}
              onSendAgain={() => {
                sendAgain(one);
              }}
            />
          );
        })}
      </ul>
    </section>
  );
}

/** A file, from the first byte sent to its result. */
function Upload({ sent, received, failed, lost, onSendAgain }: UploadProps) {
  const item = useRef<HTMLLIElement>(null);
  const { name } = sent.file;
  const result = received?.result?.data;
  const status = received?.status?.data ?? { message: "Waiting…" };
  const notStored = result === undefined ? failed : !result.success;
  const isWaiting = sent.id !== null && result === undefined && !notStored;
  const isQuiet = useQuiet(isWaiting && !lost, received ?? sent.id);
  const problem = isQuiet ? `Nothing has come for a while. The server may have lost ${name}.` : sent.problem;
  return (
    <li ref={item} tabIndex={-1}>
      <span className="name">{name}</span>
      {sent.problem !== null ? null : sent.id === null ? (
        <Progress name={name} percent={sent.percent} text={`Sending, ${sent.percent.toString()} %`} />
      ) : notStored ? (
        <span className="bad">It couldn't be stored</span>
      ) : result !== undefined ? (
        <a href={result.url}>Stored: download it</a>
      ) : (
        <Progress name={name} percent={status.percent} text={lost ? "Connection lost: waiting…" : status.message} />
      )}
      <Problem text={problem}>
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
      <span role="status" className="hidden">
        {notStored ? `${name} couldn't be stored.` : result !== undefined ? `${name} is stored.` : ""}
      </span>
    </li>
  );
}

/** The uploads that a token route has no token for. */
function goneOf(answer: unknown): readonly unknown[] {
  return typeof answer === "object" && answer !== null && "gone" in answer && Array.isArray(answer.gone) ? answer.gone : [];
}

interface ProgressProps {
  readonly name: string;
  readonly percent?: number | undefined;
  readonly text: string;
}

function Progress({ name, percent, text }: ProgressProps) {
  return (
    <>
      <progress aria-label={`Progress of ${name}`} max={100} value={percent} />
      <span className="muted">{text}</span>
    </>
  );
}
