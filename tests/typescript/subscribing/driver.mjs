// Subscribes as the first line of standard input says, prints what is called back, and obeys the lines that follow.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(`${process.argv[2]}/`);
const { subscribe } = await import(new URL("_subscribe.js", folder));
const say = (kind, value = null) => process.stdout.write(`${JSON.stringify({ kind, value })}\n`);
globalThis.reportError = (error) => say("error", error.message);

async function channelOf({ module, name, params }) {
  const channel = (await import(new URL(`${module}.js`, folder)))[name];
  return params ? channel(params) : channel;
}

/** Tokens from the gateway's own route, which takes any key in dev mode. */
function tokensOf(base, channels, key) {
  return async ({ signal }) => {
    say("token");
    const keys = channels.map(({ name }) => ({ channel: name, name: "*", kind: "run" }));
    const headers = key ? { authorization: `Bearer ${key}` } : {};
    const answer = await fetch(`${base}/v1/realtime/token`, { method: "POST", body: JSON.stringify(keys), headers, signal });
    if (!answer.ok) return answer;
    const { jwt, ...more } = await answer.json();
    return { key: jwt, apiBaseUrl: base, ...more };
  };
}

let subscription;
let held;
let due;
const listeners = new Set();
const controller = new AbortController();
const commands = {
  async subscribe({ channels: asked, base, key, route, token, throws, iterate, closeIn, from, quiet, ...options }) {
    const channels = await Promise.all(asked.map(channelOf));
    const source = route ?? (token === undefined ? tokensOf(base, channels, key) : () => Promise.resolve(token));
    subscription = subscribe(channels, {
      token: source,
      signal: controller.signal,
      from: typeof from === "number" ? new Date(from) : from,
      onMessage(message) {
        say("message", { ...message, position: subscription.position });
        if (throws) throw new Error("the page's own fault");
      },
      onReset: () => say("reset"),
      onRun: (run) => say("run", run),
      onConnection(connection) {
        say("connection", connection);
        if (connection.state === closeIn) subscription.close();
      },
      onInvalidMessage: (invalid) => say("invalid", invalid),
      ...options,
      ...(quiet && { onMessage: undefined }),
    });
    if (iterate) void commands.iterate();
  },
  async iterate({ count } = {}) {
    try {
      let n = 0;
      for await (const message of subscription) {
        say("iterated", { ...message, position: subscription.position });
        if (++n === count) break;
      }
      say("over");
    } catch (error) {
      say("refused", { name: error.name, code: error.reason?.code });
    }
  },
  event: ({ type }) => listeners.forEach((listener) => listener({ type })),
  /** Tell each timer that the page sets, take its WebSocket away, or have it hear events. */
  alter({ telling, socketless, page }) {
    const wait = globalThis.setTimeout;
    if (telling) {
      globalThis.setTimeout = (run, pause) => {
        due = run;
        say("timer", pause);
        return wait(run, pause);
      };
    }
    if (socketless) delete globalThis.WebSocket;
    if (page) globalThis.addEventListener = (_type, listener) => void listeners.add(listener);
  },
  /** Subscribe with options that the types refuse, or with a token function that throws. */
  async wrong({ options, throws }) {
    const failing = () => { throw new globalThis[throws]("secret words"); };
    const channel = await channelOf({ module: "alerts", name: "alertsChannel" });
    try {
      const onConnection = (connection) => say("connection", connection);
      subscribe(channel, { token: "/token", onConnection, ...options, ...(throws && { token: failing }) });
    } catch (error) {
      say("thrown", `${error.name}: ${error.message}`);
    }
  },
  /** Let the time of the last timer be over. */
  elapse: () => due(),
  hold: () => void (held = subscription[Symbol.asyncIterator]()),
  leave: () => void held.return(),
  async read({ count }) {
    for (let n = 0; n < count; n++) {
      const { value } = await held.next();
      say("read", { message: value.data.message, position: subscription.position });
    }
  },
  latest: async ({ channel, topic }) => say("latest", subscription.latest(await channelOf(channel), topic) ?? null),
  state: () => say("state", { position: subscription.position ?? null, dropped: subscription.dropped, ...subscription.connection }),
  close: () => subscription.close(),
  abort: () => controller.abort(),
};

say("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...given } = JSON.parse(line);
  await commands[command](given);
}
process.exit(0);
