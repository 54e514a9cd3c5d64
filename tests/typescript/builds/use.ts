// What is run in each tool: channels, shared modules, validators, and modules in folders.
import { subscribe } from "./channels/_subscribe";
import { stockChannel, type StockMessage } from "./channels/below/stock";
import { stockChannel as checkedStock } from "./channels/below/stock.validators";
import type { Money } from "./channels/common";
import { shopChannel, type ShopMessage } from "./channels/shop";
import { shopChannel as checkedShop } from "./channels/shop.validators";

type Schema = {
  readonly "~standard": { validate(value: unknown): { issues?: readonly unknown[] } | Promise<{ issues?: readonly unknown[] }> };
};

async function passes(schema: Schema, value: unknown): Promise<boolean> {
  return (await schema["~standard"].validate(value)).issues === undefined;
}

function total(sum: number, message: ShopMessage | StockMessage): number {
  return message.topic === "created" ? sum + message.data.total.cents : sum;
}

function thrown(make: () => unknown): string {
  try {
    return `none: ${typeof make()}`;
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

export async function use() {
  const shop = shopChannel({ region: "eu", orderId: 7 });
  const price: Money = { currency: "EUR", cents: 250 };
  const order = { at: "2026-01-01T00:00:00Z", total: price };
  const message: ShopMessage = { kind: "data", channel: shop.name, topic: "created", data: order, createdAt: new Date(0) };
  const { created, event, message: text } = checkedShop({ region: "us", orderId: 8 }).topics;
  const { level, shelf } = checkedStock.topics;
  return {
    names: [shop.name, stockChannel.name, checkedShop({ region: "us", orderId: 8 }).name],
    topics: [Object.keys(shop.topics), Object.keys(shopChannel.topics), Object.keys(stockChannel.topics)],
    refs: [shop.created, stockChannel.level].map(({ channel, topic }) => `${channel} ${topic}`),
    total: [message, message].reduce(total, 0),
    valid: [
      await passes(created.schema, order),
      await passes(event.schema, { type: "paid", by: "x" }),
      await passes(text.schema, "x"),
      await passes(level.schema, "low"),
      await passes(shelf.schema, { shelf: "a", count: 1 }),
      await passes(shop.topics.created.schema, 1),
    ],
    invalid: [
      await passes(created.schema, { ...order, at: "yesterday" }),
      await passes(created.schema, { ...order, total: { currency: "euro", cents: 1 } }),
      await passes(level.schema, "middle"),
      await passes(shelf.schema, { shelf: "a", count: 0 }),
    ],
    refused: [
      thrown(() => shopChannel({ region: "de" as "eu", orderId: 7 })),
      thrown(() => checkedShop({ region: "eu", orderId: 0 })),
    ],
    subscribe: typeof subscribe,
  };
}
