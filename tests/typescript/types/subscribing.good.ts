// What a page writes with `subscribe`. Every line must compile.
import { subscribe, SubscriptionRefused, type Connection, type MessageOf, type Subscription } from "./channels/_subscribe";
import { alertsChannel, type Alert, type AlertsMessage } from "./channels/alerts";
import { ordersChannel, type Line } from "./channels/orders";
import { uploadsChannel, type Result, type Status, type UploadsMessage } from "./channels/uploads";

const uploads = uploadsChannel({ uploadId: "u1" });
const token = "/token";

export const one: Subscription<typeof uploads> = subscribe(uploads, {
  token,
  onMessage(message) {
    const mine: UploadsMessage = message;
    reduce(mine);
    if (message.topic === "status") show(message.data.message);
    else show(message.data.url);
    show(message.createdAt.toISOString() + (message.runId ?? ""));
  },
});
// Functions that are declared elsewhere.
subscribe(uploads, { token, onMessage: reduce });
subscribe([alertsChannel, uploads], { token, onMessage: reduceAny });
subscribe(uploads, { token, topics: ["status"], onMessage: reduce });
export const latest: Status | undefined = one.latest(uploads, "status")?.data;

// Several of one kind, and several kinds: told apart by topic, and by the name where there is one.
const orders = [1, 2, 3].map((orderId) => ordersChannel({ region: "eu", orderId }));
subscribe(orders, { token, topics: ["line-added"], onMessage: ({ data }) => void lines.push(data) });
const lines: Line[] = [];
const mixed = subscribe([alertsChannel, uploads], {
  token: ({ signal }) => fetch("/token", { method: "POST", signal }),
  onMessage(message) {
    if (message.channel === "alerts") {
      const alert: Alert | Status | Result = message.data;
      show(typeof alert);
    }
    switch (message.topic) {
      case "alert":
        return show(message.data.severity);
      case "status":
        return show(message.data.message);
      case "result":
        return show(message.data.url);
    }
  },
});
export const alert: AlertsMessage | undefined = mixed.latest(alertsChannel, "alert");
export const result: Result | undefined = mixed.latest(uploads, "result")?.data;

export async function follow(signal: AbortSignal): Promise<void> {
  const subscription = subscribe(alertsChannel, { token: async () => ({ key: "k", apiBaseUrl: "http://127.0.0.1:1" }), signal });
  try {
    for await (const message of subscription) show(message.data.severity);
  } catch (error) {
    if (error instanceof SubscriptionRefused) show(error.reason.message);
  }
}

// All options; each of them may be undefined.
let position: string | undefined;
export const all = subscribe(uploads, {
  token,
  topics: ["status"],
  from: position === undefined ? "start" : { after: position },
  transport: "sse",
  pauseOnHidden: true,
  signal: undefined,
  onMessage: (message: MessageOf<typeof uploads, "status">) => show(message.data.message),
  onReset: () => undefined,
  onRun: ({ channel, runId, status, result }) => show(`${channel} ${runId ?? ""} ${status} ${String(result)}`),
  onConnection: (connection: Connection) => show(`${connection.state} ${connection.reason?.code ?? ""} ${connection.attempt}`),
  onInvalidMessage: ({ topic, issues }) => show(`${topic} ${issues[0]?.message ?? ""}`),
});
position = all.position;
export const dropped: number = all.dropped;
subscribe(alertsChannel, { token, from: "latest" });
subscribe(alertsChannel, { token, from: new Date(0) });
all.close();

function show(_text: string): void {}
function reduce(_message: UploadsMessage): void {}
function reduceAny(_message: AlertsMessage | UploadsMessage): void {}
