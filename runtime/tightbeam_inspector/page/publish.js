// The form that publishes a message: parameters, the payload as fields or as JSON, and what the gateway said to it.

import * as api from "./api.js";
import { button, fill, freshId, h, plural, prose } from "./dom.js";
import { JsonField } from "./fields.js";
import { makeField } from "./form.js";
import { layout, parse, write } from "./json.js";

const MAX_FORM_CHARACTERS = 20_000;

/** The parameters of a channel, one field each. */
export class Parameters {
  #fields;

  constructor(channel) {
    this.#fields = channel.params.map((param) => paramField(param));
    this.root = h("div.params", { hidden: this.#fields.length === 0 }, this.#fields.map((one) => one.root));
  }

  set(values) {
    for (const field of this.#fields) field.input.value = values.get(field.name);
    this.clear();
  }

  clear() {
    for (const field of this.#fields) field.setError("");
  }

  /** The name of the channel; null if a parameter can't be part of it, which its field then says. */
  name({ template, separator }) {
    let name = template;
    for (const field of this.#fields) {
      const text = field.input.value;
      if (text === "" || text.includes(separator)) {
        field.setError(text === "" ? "A channel's parameter can't be empty." : `It can't contain “${separator}”.`);
        field.input.focus();
        return null;
      }
      name = name.replace(`{${field.name}}`, () => text);
    }
    return name;
  }
}

export class TestForm {
  #channel;
  #topic;
  #place;
  #reveal;
  #params;
  #field;
  #json;
  #holder = h("div");
  #said = h("div.said", { role: "status" });
  #mode;
  #asJson = false;

  constructor(channel, topic, place, reveal) {
    this.#channel = channel;
    this.#topic = topic;
    this.#place = place;
    this.#reveal = reveal;
    this.#field = makeField(place, "Payload");
    this.#mode = button("", () => this.#turn(), { class: "quiet" });
    this.root = h(
      "form.card.test", { novalidate: true },
      this.#holder,
      h("div.actions", h("button.primary", { type: "submit" }, "Publish"), this.#mode),
      this.#said,
    );
    this.#draw();
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#publish();
    });
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.root.requestSubmit();
    });
    this.root.addEventListener("input", (event) => this.#edited(event.target));
    this.#holder.addEventListener("click", (event) => {
      if (event.target.closest("button") !== null) this.#say("");
    });
  }

  /** Show these parameters, which all topics of the channel share. */
  adopt(params) {
    this.#params = params;
    if (params.root.parentNode === this.root) return;
    params.clear();
    this.root.prepend(params.root);
  }

  /** Fill in a message, to be changed and published. */
  load(name, json) {
    try {
      this.#asJson = json.length > MAX_FORM_CHARACTERS;
      if (!this.#asJson) this.#field = makeField(this.#place, "Payload", parse(json));
    } catch {
      this.#asJson = true;
    }
    if (this.#asJson) this.#writeJson(json);
    this.#draw();
    this.#say("", h("p", "Filled in from a message of ", h("code", name), ". Nothing is published yet."));
  }

  /** Go to the first field of the payload. */
  focus() {
    this.#holder.querySelector("input, textarea, select")?.focus();
  }

  /** What was said isn't about what is there now. */
  #edited(control) {
    this.#say("");
    if (control instanceof Element && control.matches(".branches")) this.#clear();
    this.#fields().forEach((field) => field.control === control && field.setError(""));
    if (this.#params.root.contains(control)) this.#params.clear();
  }

  get #shown() {
    return this.#asJson ? this.#json : this.#field;
  }

  #fields() {
    const found = new Map();
    this.#shown.visit("", (pointer, field) => found.set(pointer, field));
    return found;
  }

  #writeJson(json) {
    this.#json = new JsonField(this.#place.plain(), { label: "Payload as JSON", help: "" }, undefined, 12);
    this.#json.input.value = layout(json);
  }

  #draw() {
    fill(this.#holder, this.#shown.root);
    this.#mode.textContent = this.#asJson ? "Edit as form" : "Edit as JSON";
  }

  #turn() {
    this.#clear();
    if (this.#hasFlaws()) return;
    if (!this.#asJson) this.#writeJson(this.#field.read() ?? "");
    else this.#field = makeField(this.#place, "Payload", this.#json.read() === null ? undefined : parse(this.#json.read()));
    this.#asJson = !this.#asJson;
    this.#draw();
  }

  /** Whether something can't be sent as it is meant; its field says so. */
  #hasFlaws() {
    const flawed = [...this.#fields().values()].filter((field) => {
      const flaw = field.flaw();
      if (flaw !== null) field.setError(flaw);
      return flaw !== null;
    });
    if (flawed.length === 0) return false;
    this.#say("error", h("p", `Not sent: ${plural(flawed.length, "field")} to mend first.`));
    flawed[0].focus();
    return true;
  }

  async #publish() {
    this.#clear();
    const name = this.#params.name(this.#channel);
    if (name === null || this.#hasFlaws()) return;
    const field = this.#shown;
    const text = field.read();
    try {
      if (text !== null) parse(text);
    } catch (error) {
      this.#say("error", h("p", `Not sent: ${error.why}.`));
      return;
    }
    if (text === null) {
      field.setError("There is nothing to send: an empty text is \"\", and nothing is null.");
      field.focus();
      return;
    }
    try {
      await api.publish(name, this.#topic.name, text);
    } catch (error) {
      this.#refused(error);
      return;
    }
    const sent = gist(text);
    const wanted = (entry) => entry.channel === name && entry.topic === this.#topic.name && gist(entry.data) === sent;
    const see = h("a", { href: "#/messages" }, "See it arrive");
    see.addEventListener("click", (event) => {
      event.preventDefault();
      this.#reveal(wanted);
    });
    this.#say("done", h("p", "Published to ", h("code", name), ", live. ", see));
  }

  #refused(error) {
    const issues = error.issues ?? [];
    if (issues.length === 0) {
      this.#say("error", h("p", error.status === undefined ? "The gateway can't be reached." : error.message));
      return;
    }
    const fields = this.#asJson ? new Map() : this.#fields();
    const lines = issues.map(({ pointer, reason }) => {
      const field = nearest(fields, pointer);
      const words = [h("code", pointer || "(the payload)"), ` ${reason}`];
      if (field === undefined) return { line: h("li", words), field };
      field.setError([field.error.textContent, `${pointer} ${reason}`.trim()].filter((one) => one).join("; "));
      return { line: h("li", h("button", { type: "button", class: "link", on: { click: () => field.focus() } }, words)), field };
    });
    this.#say("error", h("p", `The payload breaks its schema in ${issues.length === 1 ? "one place" : `${issues.length} places`}`), h("ul", lines.map((one) => one.line)));
    (lines.find((one) => one.field !== undefined)?.field ?? this.#shown).focus();
  }

  #say(kind, ...words) {
    this.#said.className = `said ${kind}`;
    fill(this.#said, words);
  }

  #clear() {
    this.#params.clear();
    for (const field of this.#fields().values()) field.setError("");
    this.#say("");
  }
}

/** The same for all ways to write a value. */
const gist = (json) => write(JSON.parse(json), true);

/** The field a pointer is about: its own, or that of the value it would be in. */
function nearest(fields, pointer) {
  for (let at = pointer; ; at = at.slice(0, at.lastIndexOf("/"))) {
    if (fields.has(at) || at === "") return fields.get(at);
  }
}

function paramField({ name, schema }) {
  const id = freshId("param");
  const error = h("p.error", { id: `${id}-error`, hidden: true });
  const options = Array.isArray(schema.enum) ? schema.enum : schema.type === "boolean" ? [true, false] : null;
  const input =
    options === null
      ? h("input", { type: "text", autocomplete: "off", spellcheck: "false" })
      : h("select", options.map((one) => h("option", String(one))));
  input.id = id;
  input.setAttribute("aria-describedby", `${id}-help ${id}-error`);
  const help = h("p.help", { id: `${id}-help` }, prose(schema.description ?? ""));
  return {
    name,
    input,
    root: h("div.field", h("label", { for: id }, name), input, help, error),
    setError(text) {
      error.textContent = text;
      error.hidden = text === "";
      input.toggleAttribute("aria-invalid", text !== "");
    },
  };
}
