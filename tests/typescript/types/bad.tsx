// What must not compile: each marked line, and nothing else. Without its mistake the mark is an error by itself.
import { useRealtime } from "inngest/react";
import type { Inngest } from "inngest";
import { getSubscriptionToken, subscribe, type Realtime } from "inngest/realtime";

import { alertsChannel, type Alert } from "./channels/alerts";
import { ordersChannel, type Line, type Placed, type State } from "./channels/orders";
import { uploadsChannel, type Result, type Status, type UploadsMessage } from "./channels/uploads";

const uploads = uploadsChannel({ uploadId: "u1" });

// -- parameters
// @ts-expect-error: missing
uploadsChannel({});
// @ts-expect-error: missing
uploadsChannel();
// @ts-expect-error: of another type
uploadsChannel({ uploadId: 1 });
// @ts-expect-error: misspelt
uploadsChannel({ uploadID: "u1" });
// @ts-expect-error: one too many
uploadsChannel({ uploadId: "u1", more: "x" });
// @ts-expect-error: not one of its values
ordersChannel({ region: "de", orderId: 1 });
// @ts-expect-error: text for an integer
ordersChannel({ region: "eu", orderId: "1" });
// @ts-expect-error: a ready channel takes none
alertsChannel({});

// -- topics
// @ts-expect-error: misspelt
uploads.statuz;
// @ts-expect-error: of another channel
uploads.alert;
// @ts-expect-error: misspelt
export const topic: keyof typeof uploads.topics = "statuz";
export async function follow(): Promise<void> {
  // @ts-expect-error: misspelt
  await subscribe({ channel: uploads, topics: ["statuz"] });
  // @ts-expect-error: of another channel
  await subscribe({ channel: alertsChannel, topics: ["status"] });
}

// -- payloads that are written
// @ts-expect-error: missing
export const status1: Status = {};
// @ts-expect-error: misspelt
export const status2: Status = { mesage: "x" };
// @ts-expect-error: of another type
export const status3: Status = { message: 1 };
// @ts-expect-error: undeclared, in a closed object
export const status4: Status = { message: "x", more: 1 };
// @ts-expect-error: null
export const status5: Status = { message: null };
// @ts-expect-error: not one of its values
export const alert1: Alert = { message: "x", severity: "hgih" };
// @ts-expect-error: another topic's
export const result1: Result = { message: "x" };
// @ts-expect-error: undefined is not absent
export const line1: Line = { sku: "a", quantity: 1, unitPrice: { currency: "EUR", cents: 1 }, giftNote: undefined };
// @ts-expect-error: missing inside
export const line2: Line = { sku: "a", quantity: 1, unitPrice: { currency: "EUR" } };
// @ts-expect-error: not one of its values
export const line3: Line["class"] = "soft";
// @ts-expect-error: an element of another type
export const placed1: Placed["lines"] = ["x"];
// @ts-expect-error: a map's value of another type
export const placed2: Placed["labels"] = { shop: 1 };
// @ts-expect-error: what belongs to another branch
export const state1: State = { kind: "cancelled", carrier: "x" };
// @ts-expect-error: no branch has this tag
export const state2: State = { kind: "lost" };
export async function send(publish: Realtime.TypedPublishFn): Promise<void> {
  // @ts-expect-error: misspelt
  await publish(uploads.status, { mesage: "x" });
  // @ts-expect-error: another topic's
  await publish(uploads.status, { success: true, url: "x" });
}
export async function sendBy(client: Inngest): Promise<void> {
  // @ts-expect-error: misspelt
  await client.realtime.publish(uploads.status, { mesage: "x" });
  // @ts-expect-error: misspelt
  await getSubscriptionToken(client, { channel: uploads, topics: ["statuz"] });
}

// -- payloads that are read
export function Progress() {
  const { messages } = useRealtime({ channel: uploads, topics: ["status", "result"] as const });
  // @ts-expect-error: another topic's
  show(messages.byTopic.status?.data.url);
  // @ts-expect-error: perhaps there is none yet
  show(messages.byTopic.status.data.message);
  // @ts-expect-error: not subscribed to
  show(messages.byTopic.alert);
  for (const message of messages.all) {
    // @ts-expect-error: of which topic it is must be known first
    if (message.kind === "data") show(message.data.url);
  }
}
export function describe(state: State): string {
  // @ts-expect-error: of which branch it is must be known first
  return state.carrier;
}
// @ts-expect-error: there may be no first element
export const first: Line = ([] as Placed["lines"])[0];

// -- messages
export function reduce(message: UploadsMessage): string {
  // @ts-expect-error: of which topic it is must be known first
  show(message.data.url);
  // @ts-expect-error: no topic of the channel
  if (message.topic === "alert") return "";
  // @ts-expect-error: another topic's
  return message.topic === "status" ? message.data.url : "";
}
// @ts-expect-error: a payload of another topic
export const made1: UploadsMessage = { kind: "data", channel: "x", topic: "status", data: { success: true }, createdAt: new Date() };
// @ts-expect-error: no time
export const made2: UploadsMessage = { kind: "data", channel: "x", topic: "status", data: { message: "x" } };
// @ts-expect-error: a text for a time
export const made3: UploadsMessage = { kind: "data", channel: "x", topic: "status", data: { message: "x" }, createdAt: "" };

function show(_text: string): void {}
