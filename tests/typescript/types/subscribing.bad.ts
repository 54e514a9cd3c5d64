// What must not compile: each marked line, and nothing else. Without its mistake the mark is an error by itself.
import { subscribe } from "./channels/_subscribe";
import { alertsChannel } from "./channels/alerts";
import { ordersChannel } from "./channels/orders";
import { uploadsChannel } from "./channels/uploads";

const uploads = uploadsChannel({ uploadId: "u1" });
const order = ordersChannel({ region: "eu", orderId: 1 });
const token = "/token";

// -- what to follow
// @ts-expect-error: its parameters are missing
subscribe(uploadsChannel, { token });
// @ts-expect-error: its parameters are missing
subscribe([alertsChannel, uploadsChannel], { token });
// @ts-expect-error: a name has no types
subscribe("alerts", { token });
// @ts-expect-error: misspelt
subscribe(uploads, { token, topics: ["statuz"] });
// @ts-expect-error: of another channel
subscribe(uploads, { token, topics: ["status", "alert"] });
// @ts-expect-error: of no channel of the list
subscribe([alertsChannel, uploads], { token, topics: ["line-added"] });

// -- options
// @ts-expect-error: missing
subscribe(uploads, {});
// @ts-expect-error: a token as it is would be stale at the next attempt
subscribe(uploads, { token: { key: "k", apiBaseUrl: "http://127.0.0.1:1" } });
// @ts-expect-error: lacks apiBaseUrl
subscribe(uploads, { token: async () => ({ key: "k" }) });
// @ts-expect-error: misspelt
subscribe(uploads, { token, from: "begin" });
// @ts-expect-error: a number says nothing
subscribe(uploads, { token, from: 0 });
// @ts-expect-error: none of the transports
subscribe(uploads, { token, transport: "polling" });
// @ts-expect-error: misspelt
subscribe(uploads, { token, onMesage: () => undefined });

// -- messages
subscribe(uploads, {
  token,
  onMessage(message) {
    // @ts-expect-error: of which topic it is must be known first
    show(message.data.url);
    // @ts-expect-error: no topic is called so
    if (message.topic === "alert") show("");
    // @ts-expect-error: another topic's
    if (message.topic === "status") show(message.data.url);
    // @ts-expect-error: messages aren't changed
    message.topic = "status";
  },
});
subscribe(uploads, {
  token,
  topics: ["status"],
  onMessage(message) {
    show(message.data.message);
    // @ts-expect-error: not subscribed to
    if (message.topic === "result") show("");
  },
});
subscribe([alertsChannel, order], {
  token,
  onMessage(message) {
    // @ts-expect-error: another channel's
    if (message.topic === "alert") show(message.data.sku);
    // @ts-expect-error: of no channel of the list
    if (message.topic === "status") show("");
  },
});
export async function follow(): Promise<void> {
  // @ts-expect-error: of which topic it is must be known first
  for await (const { data } of subscribe(uploads, { token })) show(data.message);
}

// -- what it returns
const subscription = subscribe([alertsChannel, uploads], { token, topics: ["alert", "status"] });
// @ts-expect-error: perhaps there is none yet
show(subscription.latest(alertsChannel, "alert").data.message);
// @ts-expect-error: another channel's
subscription.latest(alertsChannel, "status");
// @ts-expect-error: not subscribed to
subscription.latest(uploads, "result");
// @ts-expect-error: of no channel of the list
subscription.latest(order, "line-added");
// @ts-expect-error: perhaps there is none yet
export const position: string = subscription.position;
// @ts-expect-error: no state is called so
if (subscription.connection.state === "connected") show("");
// @ts-expect-error: no code is called so
if (subscription.connection.reason?.code === "401") show("");

function show(_text: string): void {}
