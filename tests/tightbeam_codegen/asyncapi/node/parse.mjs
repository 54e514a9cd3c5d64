// Reads documents with AsyncAPI's own parser. Takes paths as arguments, prints what the parser finds as JSON.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const parser = new Parser();
const found = {};
for (const path of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(path, "utf-8"));
  found[path] = {
    diagnostics: diagnostics.map(({ code, severity, message, path }) => ({ code, severity, message, path: path.join("/") })),
    channels: document && document.channels().all().map((each) => [each.id(), each.address(), each.parameters().all().map((one) => one.id())]),
    messages: document && document.messages().all().map((each) => [each.name(), each.hasPayload(), each.examples().all().length]),
    operations: document && document.operations().all().map((each) => [each.id(), each.action()]),
  };
}
console.log(JSON.stringify(found));
