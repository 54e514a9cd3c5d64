// The view of channels: what each topic is for, its schema, and a form that publishes a message to try it out.

import { address } from "./address.js";
import * as api from "./api.js";
import { copyButton, fill, h, jsonBlock, prose } from "./dom.js";
import { layout, write } from "./json.js";
import { Parameters, TestForm } from "./publish.js";
import { Place, branchName, ruleWords, typeWords } from "./schema.js";

const ROWS = 200;

export class ChannelsView {
  #channels = null;
  #asking = null;
  #trouble = null;
  #tree = h("nav.tree", { "aria-label": "Channels and topics" });
  #page = h("div.topic-page");
  #at = [];
  #made = new Map();
  #params = new Map();
  #opened = null;
  #reveal;

  /** `reveal(wanted)` shows the message that is as wanted. */
  constructor(reveal) {
    this.#reveal = reveal;
    this.root = h("section.view.channels", { "aria-label": "Channels" }, this.#tree, this.#page);
  }

  /** Ask what channels there are, once; again where that failed. */
  load() {
    return (this.#asking ??= this.#ask());
  }

  async #ask() {
    try {
      this.#channels = (await api.channels()).channels;
      this.#trouble = null;
    } catch (error) {
      this.#trouble = error.message;
      this.#asking = null;
    }
    if (this.root.isConnected) this.enter(this.#at);
  }

  enter(parts) {
    this.#at = parts;
    const [template, topic] = parts;
    if (this.#channels === null) {
      fill(this.#page, h("p.empty", this.#trouble ?? "Asking for the channels…"));
      return;
    }
    this.root.classList.toggle("open", topic !== undefined);
    const channel = this.#channels.find((one) => one.template === template) ?? this.#channels[0];
    const found = channel.topics.find((one) => one.name === topic) ?? channel.topics[0];
    this.#drawTree(channel, found);
    const { page, form } = this.#topic(channel, found);
    form.adopt(this.#params.get(channel));
    fill(this.#page, page);
    if (this.#opened === form) form.focus();
    this.#opened = null;
  }

  leave() {}

  /** Open a message in the form of its topic, once the channels are known. Answers why it can't, or null. */
  async open(name, topicName, json) {
    await this.load();
    for (const channel of this.#channels ?? []) {
      const topic = channel.topics.find((one) => one.name === topicName);
      const values = topic === undefined ? null : parameters(channel, name);
      if (values === null) continue;
      const { form } = this.#topic(channel, topic);
      location.hash = topicHref(channel, topic);
      this.#params.get(channel).set(values);
      form.load(name, json);
      this.#opened = form;
      return null;
    }
    return this.#trouble ?? `This gateway has no topic ${topicName} on a channel like ${name}.`;
  }

  /** The page of a topic, made once, so that what is typed stays. */
  #topic(channel, topic) {
    if (!this.#params.has(channel)) this.#params.set(channel, new Parameters(channel));
    if (!this.#made.has(topic)) this.#made.set(topic, drawTopic(channel, topic, this.#reveal));
    return this.#made.get(topic);
  }

  #drawTree(current, topic) {
    fill(
      this.#tree,
      h("h1.sr", "Channels"),
      this.#channels.map((channel) =>
        h(
          "section",
          h("h2", h("code", channel.template)),
          h(
            "ul",
            channel.topics.map((one) =>
              h(
                "li",
                h(
                  "a",
                  { href: topicHref(channel, one), "aria-current": channel === current && one === topic ? "page" : null },
                  one.name,
                ),
              ),
            ),
          ),
        ),
      ),
    );
  }
}

const topicHref = (channel, topic) => address(["channels", channel.template, topic.name]);

/** The parameters in a channel's name; null if it isn't a name of this template. */
function parameters(channel, name) {
  const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  const value = `((?:(?!${escaped(channel.separator)}).)+)`;
  const pattern = channel.template.split(/\{[^{}]*\}/).map(escaped).join(value);
  const found = new RegExp(`^${pattern}$`, "s").exec(name);
  const names = [...channel.template.matchAll(/\{([^{}]*)\}/g)].map(([, one]) => one);
  return found === null ? null : new Map(names.map((one, index) => [one, found[index + 1]]));
}

function drawTopic(channel, topic, reveal) {
  const start = new Place({}, topic.ref, channel.resources);
  const place = start.at(topic.ref) ?? start.part(true);
  const raw = place.plain().schema;
  const form = new TestForm(channel, topic, place, reveal);
  const page = h(
    "article",
    h("a.back", { href: "#/channels" }, "← All channels"),
    h("h1", topic.name),
    h("p.where", h("code", channel.template), " · ", h("code", `${channel.module}.${channel.class}.${topic.attribute}`)),
    topic.description ? h("p.lead", prose(topic.description)) : null,
    channel.description ? h("p.about", prose(channel.description)) : null,
    h(
      "div.columns-2",
      h("section", h("h2", "Schema"), schemaTable(place), rawSchema(raw)),
      h("section", h("h2", "Publish a test message"), form.root),
    ),
  );
  return { page, form };
}

function rawSchema(schema) {
  return h(
    "details.raw",
    h("summary", "As JSON Schema"),
    h("div.raw-tools", copyButton("Copy schema", () => layout(write(schema)))),
    jsonBlock(write(schema), "Schema"),
  );
}

function schemaTable(place) {
  const rows = [];
  collect(place, "", true, rows, []);
  return h(
    "dl.schema",
    rows.slice(0, ROWS).map(({ name, type, required, words, depth, branch }) =>
      h(
        "div",
        { class: `depth-${Math.min(depth, 5)}${branch ? " branch" : ""}` },
        h(
          "dt",
          branch ? null : [h("code.name", name || "(the payload)"), " "],
          h("span.type", type),
          required || branch || name === "" ? null : h("span.optional-mark", "optional"),
        ),
        h("dd", prose(words)),
      ),
    ),
    rows.length > ROWS ? h("p", `… and ${rows.length - ROWS} more, see below`) : null,
  );
}

function collect(place, name, required, rows, above) {
  const plain = place.plain();
  const { schema } = plain;
  const words = [typeof schema?.description === "string" ? schema.description : "", ruleWords(schema).join(", ")];
  const depth = above.length;
  const isRoot = name === "";
  if (!isRoot || typeof schema !== "object" || !("properties" in schema)) {
    rows.push({ name, type: typeWords(place), required, words: words.filter((one) => one).join(" — "), depth: Math.max(0, depth - 1) });
  }
  if (schema === null || typeof schema !== "object" || above.includes(schema) || depth > 5 || rows.length > ROWS) return;
  const inner = [...above, schema];
  const wanted = new Set(schema.required ?? []);
  for (const [property, part] of Object.entries(schema.properties ?? {})) {
    collect(plain.part(part), isRoot ? property : `${name}.${property}`, wanted.has(property), rows, inner);
  }
  if (typeof schema.items === "object") collectInside(plain.part(schema.items), `${name}[]`, rows, inner);
  for (const word of ["oneOf", "anyOf"]) {
    const branches = (Array.isArray(schema[word]) ? schema[word] : []).map((one) => plain.part(one).plain());
    branches.forEach((branch, index) => {
      if (branch.schema?.properties === undefined) return;
      const said = branch.schema.description;
      const row = { name, type: `if ${branchName(branch, index)}`, required: true, branch: true };
      rows.push({ ...row, words: typeof said === "string" ? said : "", depth: Math.max(0, depth - 1) });
      collectInside(branch, name, rows, inner);
    });
  }
}

function collectInside(place, name, rows, above) {
  const plain = place.plain();
  const wanted = new Set(plain.schema?.required ?? []);
  for (const [property, part] of Object.entries(plain.schema?.properties ?? {})) {
    collect(plain.part(part), name === "" ? property : `${name}.${property}`, wanted.has(property), rows, above);
  }
}
