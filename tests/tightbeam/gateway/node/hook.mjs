// The official React hook; its token factory asks the test for each token, with the last createdAt it saw.
import { createInterface } from "node:readline";
import { createElement } from "react";
import renderer from "react-test-renderer";
import { useRealtime } from "inngest/react";

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
console.error = () => {};

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const settings = JSON.parse((await lines.next()).value);
let last = null;

const token = async () => {
  say({ wants: "token", since: last });
  return JSON.parse((await lines.next()).value);
};

const seen = new Set();
let before = "";

const Page = () => {
  const { messages, runStatus, result, connectionStatus, error } = useRealtime({
    channel: settings.channel,
    topics: settings.topics,
    token,
    historyLimit: null,
    reconnectMinMs: 10,
    reconnectMaxMs: 50,
    autoCloseOnTerminal: settings.autoClose ?? true,
  });
  for (const message of messages.all) {
    if (seen.has(message)) continue;
    seen.add(message);
    last = message.createdAt;
    say({ message });
  }
  const state = JSON.stringify({ runStatus, result, connectionStatus, error: Boolean(error) });
  if (state !== before) say({ state: JSON.parse((before = state)) });
  return null;
};

renderer.create(createElement(Page));
