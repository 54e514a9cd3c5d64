// A form made from a schema. It doesn't judge: what it reads is sent as it is, and the gateway's validator says
// what is wrong and where; so bad messages can be tried too. A field reads as JSON text, or null for "not there";
// one whose text isn't JSON has a `flaw`, and isn't sent.

import { button, freshId, h, prose } from "./dom.js";
import { Exact, NUMBER, layout, parse, write } from "./json.js";
import { branchName, kinds, ruleWords, typeWords } from "./schema.js";

const MAX_DEPTH = 12;

/** The field for a schema; `value`, one of `parse`, is what to begin with. */
export function makeField(place, label, value, depth = 0) {
  const field = build(place, label, value, depth);
  // What a field made for the schema would change stays as it is, as JSON.
  return value === undefined || reads(field, value) ? field : new JsonField(place.plain(), { label, help: "" }, value);
}

function reads(field, value) {
  try {
    return write(parse(field.read() ?? ""), true) === write(value, true);
  } catch {
    return false; // nothing, or a default that can't be sent
  }
}

function build(place, label, value, depth) {
  const plain = place.plain();
  const { schema } = plain;
  const said = { label, help: typeof schema?.description === "string" ? schema.description : "" };
  if (schema === null || typeof schema !== "object" || depth > MAX_DEPTH) return new JsonField(plain, said, value);
  if ("const" in schema) return new FixedField(plain, said, schema.const);
  if (Array.isArray(schema.enum)) return new EnumField(plain, said, value);
  for (const word of ["oneOf", "anyOf"]) {
    if (Array.isArray(schema[word]) && schema[word].length > 0) {
      const branches = schema[word].map((one, index) => [branchName(plain.part(one), index), plain.branch(word, index)]);
      return new ChoiceField(said, branches, value, depth);
    }
  }
  const found = kinds(schema);
  if (found !== null && found.length > 1) {
    return new ChoiceField(said, found.map((type) => [type, plain.part({ ...schema, type })]), value, depth);
  }
  switch (found?.[0]) {
    case "object":
      return new ObjectField(plain, said, value, depth);
    case "array":
      return new ArrayField(plain, said, value, depth);
    case "boolean":
      return new BooleanField(plain, said, value);
    case "null":
      return new FixedField(plain, said, null);
    case "string":
    case "number":
    case "integer":
      return new TextField(plain, said, found[0], value);
    default:
      return new JsonField(plain, said, value);
  }
}

/** What fields have in common: a place for what is wrong. */
class Field {
  constructor(said) {
    this.label = said.label;
    this.control = null;
    this.id = freshId("field");
    this.helpId = `${this.id}-help`;
    this.errorId = `${this.id}-error`;
    this.error = h("p.error", { id: this.errorId, hidden: true });
  }

  /** A label, a control, help and the place for errors. */
  line(said, control, words) {
    this.control = control;
    control.id = this.id;
    control.setAttribute("aria-describedby", `${this.helpId} ${this.errorId}`);
    return h(
      "div.field",
      h("label", { for: this.id }, said.label),
      control,
      h("p.help", { id: this.helpId }, prose([said.help, words].filter((one) => one).join(" "))),
      this.error,
    );
  }

  setError(text) {
    this.error.textContent = text;
    this.error.hidden = text === "";
    if (this.control === null) return;
    if (text === "") this.control.removeAttribute("aria-invalid");
    else this.control.setAttribute("aria-invalid", "true");
  }

  focus() {
    this.control?.focus();
  }

  /** Why what is typed can't be sent; or null. */
  flaw() {
    return null;
  }

  /** Call with each field and its JSON pointer. */
  visit(pointer, see) {
    see(pointer, this);
  }
}

class TextField extends Field {
  #kind;
  /** Whether it can't be meant as text, since text was another choice. */
  isChosen = false;

  constructor(place, said, kind, value) {
    super(said);
    this.#kind = kind;
    const { schema } = place;
    const numeric = kind !== "string";
    const initial = value ?? schema.default ?? schema.examples?.[0];
    this.input = h("input", {
      type: "text",
      inputmode: numeric ? (kind === "integer" ? "numeric" : "decimal") : null,
      autocomplete: "off",
      spellcheck: "false",
      placeholder: schema.format === "date-time" ? "2026-01-31T12:00:00Z" : null,
    });
    if (initial !== undefined && initial !== null) this.input.value = typeof initial === "string" ? initial : write(initial);
    const rules = ruleWords(schema).join(", ");
    this.root = this.line(said, this.input, numeric ? `(${[kind, rules].filter((one) => one).join(", ")})` : rules && `(${rules})`);
  }

  read() {
    const text = this.input.value;
    if (this.#kind === "string") return JSON.stringify(text);
    const trimmed = text.trim();
    if (trimmed === "") return null;
    // As it was typed: a number that JavaScript would round goes out whole. What is no number goes as a string.
    return NUMBER.test(trimmed) ? trimmed : JSON.stringify(text);
  }

  flaw() {
    const text = this.input.value.trim();
    return this.isChosen && this.#kind !== "string" && text !== "" && !NUMBER.test(text) ? "That isn't a number." : null;
  }
}

class BooleanField extends Field {
  constructor(place, said, value) {
    super(said);
    this.input = h("input", { type: "checkbox" });
    this.input.checked = (value ?? place.schema.default) === true;
    this.root = this.line(said, this.input, "");
    this.root.classList.add("check");
  }

  read() {
    return String(this.input.checked);
  }
}

class EnumField extends Field {
  #values;

  constructor(place, said, value) {
    super(said);
    this.#values = place.schema.enum.map((one) => write(one));
    this.input = h("select", this.#values.map((text, index) => h("option", { value: index }, text)));
    this.input.selectedIndex = Math.max(0, this.#values.indexOf(write(value ?? place.schema.default)));
    this.root = this.line(said, this.input, "");
  }

  read() {
    return this.#values[this.input.selectedIndex] ?? null;
  }
}

class FixedField extends Field {
  #text;

  constructor(_place, said, value) {
    super(said);
    this.#text = write(value);
    this.input = h("input", { type: "text", readonly: true });
    this.input.value = this.#text;
    this.root = this.line(said, this.input, "");
  }

  read() {
    return this.#text;
  }
}

/** Where the schema doesn't say, or says more than a form can: JSON as text. */
export class JsonField extends Field {
  #quote;
  #wrong = null;

  constructor(place, said, value, rows = 3) {
    super(said);
    this.input = h("textarea", { rows, spellcheck: "false", class: "code" });
    this.input.value = value === undefined ? "" : layout(write(value));
    this.root = this.line(said, this.input, `(${typeWords(place)}, as JSON)`);
    const found = kinds(place.schema);
    this.#quote = button("Send it as text", () => this.#asText(), { class: "quote", hidden: true });
    if (found === null || found.includes("string")) this.root.append(this.#quote);
  }

  read() {
    const text = this.input.value.trim();
    return text === "" ? null : text;
  }

  flaw() {
    this.#wrong = null;
    if (this.input.value.trim() === "") return null;
    try {
      parse(this.input.value);
      return null;
    } catch (error) {
      this.#wrong = error;
      return `That isn't JSON: ${error.message}`;
    }
  }

  setError(text) {
    super.setError(text);
    this.#quote.hidden = text === "" || this.#wrong === null;
  }

  focus() {
    super.focus();
    if (this.#wrong !== null) this.input.setSelectionRange(this.#wrong.at, this.#wrong.at + 1);
  }

  #asText() {
    this.input.value = JSON.stringify(this.input.value);
    this.#wrong = null;
    this.setError("");
    this.focus();
  }
}

/** A group with a name: for fields that hold others. */
class Group extends Field {
  constructor(said) {
    super(said);
    this.inside = h("div.inside");
    this.root = h(
      "fieldset.field.group", { tabindex: "-1", "aria-describedby": this.errorId },
      h("legend", said.label),
      said.help ? h("p.help", prose(said.help)) : null,
      this.inside,
      this.error,
    );
    this.control = this.root;
  }
}

class ObjectField extends Group {
  #fields = new Map();
  #place;
  #depth;
  #optional = h("div.optional");

  constructor(place, said, value, depth) {
    super(said);
    this.#place = place;
    this.#depth = depth;
    const given = value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
    const required = new Set(place.schema.required ?? []);
    for (const name of Object.keys(place.schema.properties ?? {})) {
      if (required.has(name)) this.#add(name, given[name], false);
    }
    this.inside.append(this.#optional);
    for (const name of Object.keys(place.schema.properties ?? {})) {
      if (required.has(name)) continue;
      if (Object.hasOwn(given, name)) this.#add(name, given[name], true);
      else this.#offer(name);
    }
    for (const name of [...Object.keys(given), ...required]) if (!this.#fields.has(name)) this.#add(name, given[name], !required.has(name));
    if (place.schema.additionalProperties !== false) this.#offerOther();
  }

  #offer(name) {
    const offer = button(`+ ${name}`, () => {
      offer.remove();
      this.#add(name, undefined, true).focus();
    });
    offer.className = "quiet offer";
    this.#optional.append(offer);
  }

  #offerOther() {
    const name = h("input", { type: "text", "aria-label": `Name of another property of ${this.label}`, placeholder: "another property" });
    const add = () => {
      if (name.value === "" || this.#fields.has(name.value)) return;
      this.#add(name.value, undefined, true).focus();
      name.value = "";
    };
    name.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      add();
    });
    this.#optional.append(h("span.other", name, button("+", add, { class: "quiet", "aria-label": "Add this property" })));
  }

  #add(name, value, removable) {
    const { schema } = this.#place;
    const declared = Object.hasOwn(schema.properties ?? {}, name);
    const other = typeof schema.additionalProperties === "object" ? schema.additionalProperties : true;
    const field = makeField(this.#place.part(declared ? schema.properties[name] : other), name, value, this.#depth + 1);
    const root = h("div.member", field.root);
    if (removable) {
      const remove = button("✕", () => {
        root.remove();
        this.#fields.delete(name);
        if (declared) this.#offer(name);
      });
      remove.className = "quiet remove";
      remove.setAttribute("aria-label", `Leave out ${name}`);
      root.append(remove);
    }
    this.#fields.set(name, field);
    if (this.#optional.parentNode === this.inside) this.#optional.before(root);
    else this.inside.append(root);
    return field;
  }

  read() {
    const parts = [];
    for (const [name, field] of this.#fields) {
      const text = field.read();
      if (text !== null) parts.push(`${JSON.stringify(name)}: ${text}`);
    }
    return `{${parts.join(", ")}}`;
  }

  focus() {
    const first = this.#fields.values().next().value;
    if (first === undefined) super.focus();
    else first.focus();
  }

  visit(pointer, see) {
    see(pointer, this);
    for (const [name, field] of this.#fields) field.visit(`${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, see);
  }
}

class ArrayField extends Group {
  #fields = [];
  #place;
  #depth;
  #more;

  constructor(place, said, value, depth) {
    super(said);
    this.#place = place;
    this.#depth = depth;
    this.#more = button(`+ item of ${said.label}`, () => this.#add(undefined).focus(), { class: "quiet offer" });
    this.inside.append(this.#more);
    for (const one of Array.isArray(value) ? value : []) this.#add(one);
    while (this.#fields.length < Math.min(place.schema.minItems ?? 0, 20)) this.#add(undefined);
  }

  #add(value) {
    const { prefixItems, items } = this.#place.schema;
    const place = this.#place.part(prefixItems?.[this.#fields.length] ?? items ?? true);
    const field = makeField(place, `${this.label} item`, value, this.#depth + 1);
    const remove = button("✕", () => {
      root.remove();
      this.#fields.splice(this.#fields.indexOf(field), 1);
    });
    remove.className = "quiet remove";
    remove.setAttribute("aria-label", `Remove this item of ${this.label}`);
    const root = h("div.member", field.root, remove);
    this.#fields.push(field);
    this.#more.before(root);
    return field;
  }

  read() {
    return `[${this.#fields.map((field) => field.read() ?? "null").join(", ")}]`;
  }

  flaw() {
    const empty = this.#fields.findIndex((field) => field.read() === null);
    return empty === -1 ? null : `Item ${empty + 1} is empty: fill it in, or remove it.`;
  }

  visit(pointer, see) {
    see(pointer, this);
    this.#fields.forEach((field, index) => field.visit(`${pointer}/${index}`, see));
  }
}

/** One of several: a choice, then the field of what was chosen. */
class ChoiceField extends Group {
  #field;

  constructor(said, branches, value, depth) {
    super(said);
    const make = (index, initial) => {
      const field = makeField(branches[index][1], branches[index][0], initial, depth + 1);
      if (field instanceof TextField) field.isChosen = true;
      return field;
    };
    const select = h("select.branches", { "aria-label": `Kind of ${said.label}` }, branches.map(([name], index) => h("option", { value: index }, name)));
    const fits = branches.findIndex(([, place]) => fitting(place, value));
    select.selectedIndex = Math.max(0, fits);
    this.#field = make(select.selectedIndex, value);
    select.addEventListener("change", () => {
      const next = make(select.selectedIndex, undefined);
      this.#field.root.replaceWith(next.root);
      this.#field = next;
    });
    this.inside.append(select, this.#field.root);
  }

  read() {
    return this.#field.read();
  }

  setError(text) {
    this.#field.setError(text);
  }

  focus() {
    this.#field.focus();
  }

  flaw() {
    return this.#field.flaw();
  }

  visit(pointer, see) {
    this.#field.visit(pointer, see);
  }
}

/** Whether a value could belong to a branch, by its kind and its fixed properties. */
function fitting(place, value) {
  if (value === undefined) return false;
  const { schema } = place.plain();
  const kind = value === null ? "null" : Array.isArray(value) ? "array" : value instanceof Exact ? "number" : typeof value;
  const found = kinds(schema);
  if (found !== null && !found.some((one) => one === kind || (one === "integer" && kind === "number"))) return false;
  return Object.entries(schema?.properties ?? {}).every(
    ([name, property]) => property?.const === undefined || write(property.const) === write(value?.[name]),
  );
}
