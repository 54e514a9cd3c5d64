// What a front end writes with the bindings of schemas/. Every line must compile.
import { useRealtime } from "inngest/react";
import type { Inngest } from "inngest";
import { getSubscriptionToken, subscribe, type Realtime } from "inngest/realtime";

import type { Message, Topic } from "./channels/_channel";
import { alertsChannel, type Alert } from "./channels/alerts";
import type { Severity } from "./channels/common";
import { ordersChannel, type Line, type Placed, type State } from "./channels/orders";
import { uploadsChannel, type Result, type Status, type UploadsMessage } from "./channels/uploads";

const uploads = uploadsChannel({ uploadId: "u1" });
export const name: string = uploads.name;
export const fixed: "alerts" = alertsChannel.name;

export function Progress(props: (typeof uploadsChannel)["$params"]) {
  const { messages, connectionStatus } = useRealtime({
    channel: uploadsChannel(props),
    topics: ["status", "result"] as const,
    token: async () => ({ key: "k", apiBaseUrl: "http://127.0.0.1:8000" }),
  });
  const status: Status | undefined = messages.byTopic.status?.data;
  const result: Result | undefined = messages.byTopic.result?.data;
  for (const message of messages.all) {
    if (message.kind !== "data") continue;
    const mine: UploadsMessage = message;
    reduce(status, mine);
    if (message.topic === "status") show(message.data.message);
    else show(message.data.url);
  }
  return [connectionStatus, status?.message, result?.success];
}

export const levels: Record<Severity, number> = { low: 0, medium: 1, high: 2, critical: 3 };
export const alert: Alert = { message: "disk full", severity: "high" };
export const line: Line = { sku: "a", quantity: 1, unitPrice: { currency: "EUR", cents: 100 }, giftNote: null };
export const placed: Placed = {
  placedAt: "2026-01-01T00:00:00Z",
  customer: { displayName: "A", email: null },
  lines: [line],
  labels: { shop: "x" },
};
export const alsoPlaced: (typeof ordersChannel.$infer)["placed"] = placed;
export const names = [
  ordersChannel({ region: "eu", orderId: 1 }).name,
  ordersChannel({ region: "us", orderId: 2n ** 53n }).name,
];

export function describe(state: State): string {
  switch (state.kind) {
    case "paid":
      return state.amount.currency;
    case "shipped":
      return state.parcels[0]?.trackingCode ?? state.carrier;
    case "cancelled":
      return state.reason ?? "";
  }
}

export async function follow(): Promise<void> {
  await subscribe({ channel: uploads, topics: ["status"], onMessage: () => undefined });
  for await (const message of await subscribe({ channel: alertsChannel, topics: ["alert"] })) {
    if (message.kind === "data") show(message.data.severity);
  }
}

export async function send(publish: Realtime.TypedPublishFn): Promise<void> {
  await publish(uploads.status, { message: "Queued." });
  await publish(alertsChannel.alert, alert);
}
export async function sendBy(client: Inngest, data: Status): Promise<void> {
  await client.realtime.publish(uploads.status, data);
  const token = await getSubscriptionToken(client, { channel: uploads, topics: ["status"] });
  await client.realtime.publish(token.channel.result, { success: true, url: "https://files.example/u1" });
}
export const inInngestsWords: {
  readonly topics: Realtime.Channel.InferTopics<typeof uploads>;
  readonly name: Realtime.Channel.InferId<typeof alertsChannel>;
  readonly status: Realtime.InferTopicData<(typeof uploadsChannel.topics)["status"]>;
  readonly one: Realtime.ChannelInstance;
  readonly definition: Realtime.ChannelDef<(params: { uploadId: string }) => string, typeof uploads.topics>;
  readonly ref: Realtime.TopicRef<Status>;
} = {
  topics: uploads.topics,
  name: "alerts",
  status: { message: "x" },
  one: uploads,
  definition: uploadsChannel,
  ref: uploads.status,
};

// What the messages are, for reducers and tests.
export function reduce(status: Status | undefined, message: UploadsMessage): Status | undefined {
  return message.topic === "status" ? message.data : status;
}
export const made: UploadsMessage = {
  kind: "data",
  channel: uploads.name,
  topic: "result",
  data: { success: true, url: "https://files.example/u1" },
  createdAt: new Date(0),
};
export function urlOf(message: Message<typeof uploadsChannel, "result">): string {
  const url: Result["url"] = message.data.url;
  return `${url} ${message.runId ?? ""}`;
}
export const topics: readonly Topic<typeof uploadsChannel | typeof alertsChannel>[] = ["status", "result", "alert"];
export function ofSeveral(message: Message<typeof uploads | typeof alertsChannel>): string {
  return message.topic === "alert" ? message.data.severity : message.topic === "status" ? message.data.message : "";
}

// A payload goes wherever JSON objects go.
export const anything: Record<string, unknown> = line;

function show(_text: string): void {}
