import { useRealtime } from "inngest/react";
import { useEffect, useRef, useState } from "react";

import { alertsChannel } from "./channels/alerts.js";
import { useToken } from "./token.js";

const A_DAY_MS = 24 * 60 * 60 * 1000;
const SEVERITIES = ["low", "medium", "high", "critical"] as const;
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** A bell that counts what hasn't been looked at: everything since yesterday, then everything that comes. */
export function Alerts() {
  const begin = useRef(new Date(Date.now() - A_DAY_MS).toISOString());
  const { token, saw } = useToken("alerts", begin.current);
  const { messages, connectionStatus } = useRealtime({
    channel: alertsChannel,
    topics: ["alert"] as const,
    token,
    historyLimit: 200,
    pauseOnHidden: false,
  });
  useEffect(() => saw(messages.last), [messages.last, saw]);

  const alerts = messages.all.filter((one) => one.kind === "data");
  const [open, setOpen] = useState(false);
  const [read, setRead] = useState(0);
  const latest = alerts.at(-1)?.createdAt?.getTime() ?? 0;
  useEffect(() => {
    if (open) setRead(latest);
  }, [open, latest]);
  const unread = alerts.filter((one) => (one.createdAt?.getTime() ?? 0) > read).length;
  return (
    <div className="alerts" onKeyDown={(event) => event.key === "Escape" && setOpen(false)}>
      <span className="connection" data-state={connectionStatus} role="status">
        {connectionStatus === "open" ? "connected" : connectionStatus === "error" ? "connecting again" : connectionStatus}
      </span>
      <button type="button" className="bell" aria-expanded={open} aria-controls="alerts" onClick={() => setOpen(!open)}>
        <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
          <path d="M18 15V10a6 6 0 0 0-12 0v5l-2 3h16zM10 21h4" />
        </svg>
        <span>Alerts</span>
        {unread > 0 && <b aria-label={`${unread} unread`}>{unread}</b>}
      </button>
      {open && (
        <section id="alerts" className="panel" aria-label="Alerts">
          <ul tabIndex={0} aria-label="Latest alerts">
            {alerts.toReversed().map((one, index) => (
              <li key={`${one.createdAt?.getTime()} ${index}`} data-severity={one.data.severity}>
                <span>{one.data.message}</span>
                <span className="muted">
                  {one.data.severity} · {one.createdAt === undefined ? "" : CLOCK.format(one.createdAt)}
                </span>
              </li>
            ))}
          </ul>
          {alerts.length === 0 && <p className="muted">Nothing has happened.</p>}
          <Raise />
        </section>
      )}
    </div>
  );
}

function Raise() {
  async function raise(data: FormData) {
    await fetch("/api/alerts", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ message: data.get("message"), severity: data.get("severity") }),
    });
  }
  return (
    <form action={raise}>
      <label>
        <span>Message</span>
        <input name="message" required autoComplete="off" />
      </label>
      <label>
        <span>Severity</span>
        <select name="severity" defaultValue="high">
          {SEVERITIES.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <button type="submit">Alert everybody</button>
    </form>
  );
}
