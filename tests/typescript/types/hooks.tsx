// Right and wrong uses of the hooks: each wrong one is marked.
import { useReducer } from "react";

import { useChannel } from "./channels/_useChannel";
import { useChannels } from "./channels/_useChannels";
import { alertsChannel } from "./channels/alerts";
import { type OrdersMessage, ordersChannel, type State } from "./channels/orders";
import { type Status, uploadsChannel, type UploadsMessage } from "./channels/uploads";

function reduce(texts: readonly string[], message: UploadsMessage): readonly string[] {
  return message.topic === "status" ? [...texts, message.data.message] : texts;
}

export function Right({ uploadId }: { uploadId: string | null }) {
  const [texts, dispatch] = useReducer(reduce, []);
  const channel = uploadId === null ? null : uploadsChannel({ uploadId });
  const { messages, latest, run, connection, resets, retry } = useChannel(channel, {
    token: ({ since }) => fetch(`/token/${since ?? ""}`),
    from: new Date(0),
    historyLimit: null,
    pauseOnHidden: true,
    enabled: true,
    onMessage: dispatch,
    onReset: () => undefined,
  });
  const all: readonly UploadsMessage[] = messages;
  const status: Status | undefined = latest.status?.data;
  const code: "unreachable" | string | undefined = connection.reason?.code;
  const result: unknown = run.status === "completed" ? run.result : undefined;
  const some = useChannel(alertsChannel, { token: "/token", topics: ["alert"] });
  const severity: string | undefined = some.latest.alert?.data.severity;
  return <p onClick={retry}>{[texts.length, all.length, status?.percent, code, resets, String(result), severity]}</p>;
}

export function Many({ ids }: { ids: number[] }) {
  const channels = ids.map((orderId) => ordersChannel({ region: "eu", orderId }));
  const { messages, latest, run } = useChannels(channels, { token: "/token", topics: ["state", "placed"] });
  const all: readonly OrdersMessage[] = messages;
  const states: (State | undefined)[] = channels.map(({ name }) => latest[name]?.state?.data);
  const mixed = useChannels([alertsChannel, ...channels], { token: ({ signal }) => fetch("/token", { signal }) });
  for (const message of mixed.messages) if (message.topic === "alert") console.log(message.data.severity);
  return <p>{[all.length, states.length, channels.filter(({ name }) => run[name]?.status === "failed").length]}</p>;
}

export function Wrong({ uploadId }: { uploadId: string }) {
  // @ts-expect-error: a channel with parameters is called with them
  useChannel(uploadsChannel, { token: "/token" });
  // @ts-expect-error: no token
  useChannel(alertsChannel, {});
  // @ts-expect-error: no topic of the channel
  useChannel(alertsChannel, { token: "/token", topics: ["status"] });
  // @ts-expect-error: no place to begin
  useChannel(alertsChannel, { token: "/token", from: "yesterday" });
  // @ts-expect-error: a token has a key and an address
  useChannel(alertsChannel, { token: async () => ({ key: "k" }) });
  const { messages, latest } = useChannel(uploadsChannel({ uploadId }), { token: "/token", topics: ["status"] });
  // @ts-expect-error: this topic isn't followed
  void latest.result;
  // @ts-expect-error: there may be none yet
  void latest.status.data;
  // @ts-expect-error: the payload has no such property
  void messages[0]?.data.percentage;
  // @ts-expect-error: no topic of the channels
  const many = useChannels([alertsChannel], { token: "/token", topics: ["state"] });
  // @ts-expect-error: a channel may be none that is followed
  void many.latest["alerts"].alert;
  return null;
}
