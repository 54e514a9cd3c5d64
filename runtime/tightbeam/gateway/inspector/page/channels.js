// The view of channels: what each topic is for, its schema, and a form that publishes a message to try it out.

import * as api from "./api.js";
import { button, copyButton, fill, freshId, h, jsonBlock, prose } from "./dom.js";
import { makeField } from "./form.js";
import { Place, branchName, ruleWords, typeWords } from "./schema.js";

const ROWS = 200;

export class ChannelsView {
  #channels = null;
  #trouble = null;
  #tree = h("nav", { class: "tree", "aria-label": "Channels and topics" });
  #page = h("div", { class: "topic-page" });
  #at = [];
  #made = new Map();

  constructor() {
    this.root = h("section", { class: "view channels", "aria-label": "Channels" }, this.#tree, this.#page);
  }

  /** Ask what channels there are, once. */
  async load() {
    if (this.#channels !== null) return;
    try {
      this.#channels = (await api.channels()).channels;
      this.#trouble = null;
    } catch (error) {
      this.#trouble = error.message;
    }
    if (this.root.isConnected) this.enter(...this.#at);
  }

  enter(template, topic) {
    this.#at = [template, topic];
    if (this.#channels === null) {
      fill(this.#page, h("p", { class: "empty" }, this.#trouble ?? "Asking for the channels…"));
      return;
    }
    this.root.classList.toggle("open", topic !== undefined);
    const channel = this.#channels.find((one) => one.template === template) ?? this.#channels[0];
    const found = channel.topics.find((one) => one.name === topic) ?? channel.topics[0];
    this.#drawTree(channel, found);
    const key = `${channel.template} ${found.name}`;
    if (!this.#made.has(key)) this.#made.set(key, drawTopic(channel, found));
    fill(this.#page, this.#made.get(key));
  }

  leave() {}

  #drawTree(current, topic) {
    fill(
      this.#tree,
      this.#channels.map((channel) =>
        h(
          "section",
          {},
          h("h2", {}, h("code", {}, channel.template)),
          h(
            "ul",
            {},
            channel.topics.map((one) =>
              h(
                "li",
                {},
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

const topicHref = (channel, topic) => `#/channels/${encodeURIComponent(channel.template)}/${encodeURIComponent(topic.name)}`;

function drawTopic(channel, topic) {
  const start = new Place({}, topic.ref, channel.resources);
  const place = start.at(topic.ref) ?? start.part(true);
  const raw = place.plain().schema;
  return h(
    "article",
    {},
    h("a", { class: "back", href: "#/channels" }, "← All channels"),
    h("h1", {}, topic.name),
    h("p", { class: "where" }, h("code", {}, channel.template), " · ", h("code", {}, `${channel.module}.${channel.class}.${topic.attribute}`)),
    topic.description ? h("p", { class: "lead" }, prose(topic.description)) : null,
    channel.description ? h("p", { class: "about" }, prose(channel.description)) : null,
    h(
      "div",
      { class: "columns-2" },
      h("section", {}, h("h2", {}, "Schema"), schemaTable(place), rawSchema(raw)),
      h("section", {}, h("h2", {}, "Publish a test message"), new TestForm(channel, topic, place).root),
    ),
  );
}

function rawSchema(schema) {
  return h(
    "details",
    { class: "raw" },
    h("summary", {}, "As JSON Schema"),
    h("div", { class: "raw-tools" }, copyButton("Copy schema", () => JSON.stringify(schema, null, 2))),
    jsonBlock(schema, "Schema"),
  );
}

function schemaTable(place) {
  const rows = [];
  collect(place, "", true, rows, []);
  return h(
    "dl",
    { class: "schema" },
    rows.slice(0, ROWS).map(({ name, type, required, words, depth, branch }) =>
      h(
        "div",
        { class: `depth-${Math.min(depth, 5)}${branch ? " branch" : ""}` },
        h(
          "dt",
          {},
          branch ? null : [h("code", { class: "name" }, name || "(the payload)"), " "],
          h("span", { class: "type" }, type),
          required || branch || name === "" ? null : h("span", { class: "optional-mark" }, "optional"),
        ),
        h("dd", {}, prose(words)),
      ),
    ),
    rows.length > ROWS ? h("p", {}, `… and ${rows.length - ROWS} more, see below`) : null,
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

/** Parameters of the channel, the payload as fields or as JSON, and what the gateway said to it. */
class TestForm {
  #channel;
  #topic;
  #place;
  #params;
  #field;
  #json = h("textarea", { class: "code", rows: "12", spellcheck: "false", "aria-label": "Payload as JSON" });
  #holder = h("div", {});
  #said = h("div", { class: "said", role: "status" });
  #mode;
  #asJson = false;

  constructor(channel, topic, place) {
    this.#channel = channel;
    this.#topic = topic;
    this.#place = place;
    this.#params = channel.params.map((param) => paramField(param));
    this.#field = makeField(place, "Payload");
    this.#mode = button("Edit as JSON", () => this.#turn(), { class: "quiet" });
    this.#holder.append(this.#field.root);
    this.root = h(
      "form",
      { class: "card test", novalidate: true },
      this.#params.length > 0 ? h("div", { class: "params" }, this.#params.map((param) => param.root)) : null,
      this.#holder,
      h("div", { class: "actions" }, h("button", { type: "submit", class: "primary" }, "Publish"), this.#mode),
      this.#said,
    );
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#publish();
    });
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.root.requestSubmit();
    });
  }

  #turn() {
    if (!this.#asJson) {
      const text = this.#field.read() ?? "";
      this.#json.value = text === "" ? "" : JSON.stringify(JSON.parse(text), null, 2);
      fill(this.#holder, this.#json);
    } else {
      let value;
      try {
        value = this.#json.value.trim() === "" ? undefined : JSON.parse(this.#json.value);
      } catch (error) {
        this.#say("error", h("p", {}, `That isn't JSON: ${error.message}`));
        return;
      }
      this.#field = makeField(this.#place, "Payload", value);
      fill(this.#holder, this.#field.root);
    }
    this.#asJson = !this.#asJson;
    this.#mode.textContent = this.#asJson ? "Edit as form" : "Edit as JSON";
    fill(this.#said);
  }

  async #publish() {
    this.#clear();
    let name = this.#channel.template;
    for (const param of this.#params) {
      const text = param.input.value;
      if (text === "" || text.includes(this.#channel.separator)) {
        param.setError(text === "" ? "A channel's parameter can't be empty." : `It can't contain “${this.#channel.separator}”.`);
        param.input.focus();
        return;
      }
      name = name.replace(`{${param.name}}`, () => text);
    }
    const text = this.#asJson ? this.#json.value : (this.#field.read() ?? "");
    try {
      await api.publish(name, this.#topic.name, text);
    } catch (error) {
      this.#refused(error);
      return;
    }
    this.#say("done", h("p", {}, "Published to ", h("code", {}, name), ", live. ", h("a", { href: "#/messages" }, "See it arrive")));
  }

  #refused(error) {
    const issues = error.issues ?? [];
    if (issues.length === 0) {
      this.#say("error", h("p", {}, error.status === undefined ? "The gateway can't be reached." : error.message));
      return;
    }
    const fields = new Map();
    if (!this.#asJson) this.#field.visit("", (pointer, field) => fields.set(pointer, field));
    const lines = issues.map(({ pointer, reason }) => {
      const field = nearest(fields, pointer);
      const words = [h("code", {}, pointer || "(the payload)"), ` ${reason}`];
      if (field === undefined) return { line: h("li", {}, words), field };
      field.setError([field.error.textContent, `${pointer} ${reason}`.trim()].filter((one) => one).join("; "));
      return { line: h("li", {}, h("button", { type: "button", class: "link", on: { click: () => field.focus() } }, words)), field };
    });
    const heading = issues.length === 1 ? "The payload breaks its schema in one place" : `The payload breaks its schema in ${issues.length} places`;
    this.#say("error", h("p", {}, heading), h("ul", {}, lines.map((one) => one.line)));
    (lines.find((one) => one.field !== undefined)?.field ?? { focus: () => this.#json.focus() }).focus();
  }

  #say(kind, ...words) {
    this.#said.className = `said ${kind}`;
    fill(this.#said, words);
  }

  #clear() {
    for (const param of this.#params) param.setError("");
    this.#field.visit("", (_, field) => field.setError(""));
    this.#say("");
  }
}

/** The field a pointer is about: its own, or that of the value it would be in. */
function nearest(fields, pointer) {
  for (let at = pointer; ; at = at.slice(0, at.lastIndexOf("/"))) {
    if (fields.has(at) || at === "") return fields.get(at);
  }
}

function paramField({ name, schema }) {
  const id = freshId("param");
  const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
  const options = Array.isArray(schema.enum) ? schema.enum : schema.type === "boolean" ? [true, false] : null;
  const input =
    options === null
      ? h("input", { type: "text", autocomplete: "off", spellcheck: "false" })
      : h("select", {}, options.map((one) => h("option", {}, String(one))));
  input.id = id;
  input.setAttribute("aria-describedby", `${id}-help ${id}-error`);
  const help = h("p", { class: "help", id: `${id}-help` }, prose(schema.description ?? ""));
  return {
    name,
    input,
    root: h("div", { class: "field" }, h("label", { for: id }, name), input, help, error),
    setError(text) {
      error.textContent = text;
      error.hidden = text === "";
      input.toggleAttribute("aria-invalid", text !== "");
    },
  };
}
