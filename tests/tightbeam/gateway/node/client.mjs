// The official client, steered by lines of JSON: settings first, then orders; what it sees goes out as lines.
import { createInterface } from "node:readline";
import { subscribe } from "inngest/realtime";

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const complaints = [];
for (const level of ["error", "warn", "info", "log"]) console[level] = (...what) => complaints.push(what.join(" "));

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const settings = JSON.parse((await lines.next()).value);

const follow = async (stream) => {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      say({ closed: true });
      return say({ complaints });
    }
    say({ message: value, hasData: "data" in value && value.data !== undefined });
  }
};

try {
  const stream = await subscribe(settings);
  say({ open: true });
  const following = follow(stream);
  (async () => {
    for await (const line of { [Symbol.asyncIterator]: () => lines }) if (line === "close") stream.close();
  })();
  await following;
} catch (error) {
  say({ refused: true });
}
process.exit(0);
