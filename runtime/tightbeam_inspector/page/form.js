// A form made from a schema. It doesn't judge: it sends what is typed, and the gateway's validator says what is wrong and
// where, so bad messages can be tried too.

import { button, h, prose } from "./dom.js";
import { BooleanField, EnumField, Field, FixedField, JsonField, TextField } from "./fields.js";
import { Exact, parse, write } from "./json.js";
import { branchName, kinds } from "./schema.js";

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
