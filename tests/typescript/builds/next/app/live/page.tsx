"use client";

import { useRealtime } from "inngest/react";

import { shopChannel, type ShopMessage } from "../../channels/shop";
import { shopChannel as checkedChannel } from "../../channels/shop.validators";

const shop = shopChannel({ region: "eu", orderId: 7 });
const checked = checkedChannel({ region: "us", orderId: 8 });

async function token(): Promise<{ key: string; apiBaseUrl: string }> {
  const response = await fetch("/token");
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return (await response.json()) as { key: string; apiBaseUrl: string };
}

export default function Live() {
  const { messages, connectionStatus } = useRealtime({ channel: shop, topics: ["created", "message"] as const, token });
  const other = useRealtime({ channel: checked, topics: ["event"] as const, token });
  const told: ShopMessage[] = messages.all.filter((message) => message.kind === "data");
  const note: string | null | undefined = messages.byTopic.created?.data.note;
  return (
    <p>
      {`${shop.name} ${checked.name} ${connectionStatus} ${other.connectionStatus} ${told.length} ${note ?? "no note"}`}
    </p>
  );
}
