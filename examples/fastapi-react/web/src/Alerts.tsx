import { type SubmitEvent, useRef, useState } from "react";

import { fetchToken, request } from "./api";
import { useChannel } from "./channels/_useChannel";
import { alertsChannel } from "./channels/alerts";
import { closedBecause, isLost } from "./connection";
import { Problem } from "./Problem";
import { useRequest } from "./useRequest";

const A_DAY_MS = 24 * 60 * 60 * 1000;
const SEVERITIES = ["low", "medium", "high", "critical"] as const;
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** A bell that counts what hasn't been looked at: everything since yesterday, then everything that comes. */
export function Alerts() {
  const [loaded] = useState(() => Date.now());
  const { messages, connection, retry } = useChannel(alertsChannel, {
    token: ({ since, signal }) => fetchToken("/api/token/alerts", since === undefined ? {} : { since }, signal),
    from: new Date(loaded - A_DAY_MS),
    historyLimit: 200,
  });

  const bell = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const [read, setRead] = useState(0);
  const latest = messages.at(-1);
  const unread = open ? 0 : messages.filter((one) => one.createdAt.getTime() > read).length;
  const lost = isLost(connection);

  function toggled(isOpen: boolean) {
    setOpen(isOpen);
    if (isOpen) return;
    setRead(latest?.createdAt.getTime() ?? 0);
    // A closed panel leaves the focus nowhere in browsers that don't focus a button when it is clicked.
    if (document.activeElement === document.body) bell.current?.focus();
  }

  return (
    <>
      <div className="alerts">
        <span className="connection" data-state={lost ? "lost" : connection.state} role="status">
          {connection.state === "open" ? "Connected" : lost ? "Connection lost" : "Connecting…"}
        </span>
        <button ref={bell} type="button" className="bell" popoverTarget="alerts" aria-expanded={open}>
          <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
            <path d="M18 15V10a6 6 0 0 0-12 0v5l-2 3h16zM10 21h4" />
          </svg>
          <span>Alerts</span>
          {unread > 0 && (
            <b>
              {unread}
              <span className="hidden"> unread</span>
            </b>
          )}
        </button>
        <span role="status" className="hidden">
          {latest !== undefined && latest.createdAt.getTime() > loaded && `Alert, ${latest.data.severity}: ${latest.data.message}`}
        </span>
        <section
          id="alerts"
          className="panel"
          aria-label="Alerts"
          popover="auto"
          onToggle={(event) => {
            toggled(event.newState === "open");
          }}
        >
          {messages.length === 0 ? (
            <p className="muted">Nothing has happened.</p>
          ) : (
            <ul tabIndex={0} aria-label="Latest alerts">
              {messages
                .map((one, index) => (
                  <li key={`${one.createdAt.getTime().toString()} ${index.toString()}`} data-severity={one.data.severity}>
                    <span>{one.data.message}</span>
                    <span className="muted">
                      {one.data.severity} · {CLOCK.format(one.createdAt)}
                    </span>
                  </li>
                ))
                .toReversed()}
            </ul>
          )}
          <Raise />
        </section>
      </div>
      {lost && (
        <div className="banner">
          {connection.state === "closed" ? (
            <>
              <p>{closedBecause(connection)}</p>
              <button type="button" onClick={retry}>
                Try again
              </button>
            </>
          ) : (
            <p>The server can't be reached. What you see here stays, and the page goes on by itself when the server is back.</p>
          )}
        </div>
      )}
    </>
  );
}

/** A form that alerts everybody. What was typed stays until the server has it. */
function Raise() {
  const { pending, problem, run } = useRequest();
  const [sent, setSent] = useState("");
  const message = useRef<HTMLInputElement>(null);

  async function raise(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    if (pending) return;
    const form = event.currentTarget;
    setSent("");
    const json = Object.fromEntries(new FormData(form));
    if (!(await run(() => request("/api/alerts", { method: "POST", json })))) return;
    setSent("Sent to everybody.");
    form.reset();
    message.current?.focus();
  }

  return (
    <form onSubmit={(event) => void raise(event)}>
      <label>
        <span>Message</span>
        <input ref={message} name="message" required maxLength={500} autoComplete="off" />
      </label>
      <label>
        <span>Severity</span>
        <select name="severity" defaultValue="high">
          {SEVERITIES.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <Problem text={problem} />
      <button type="submit" aria-disabled={pending}>
        Alert everybody
      </button>
      <p role="status" className="muted sent">
        {sent}
      </p>
    </form>
  );
}
