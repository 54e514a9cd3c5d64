// The fields of a form that hold one value. A field reads as JSON text, or null for "not there"; one whose text isn't
// JSON has a `flaw`, and isn't sent.

import { button, freshId, h, prose } from "./dom.js";
import { NUMBER, layout, parse, write } from "./json.js";
import { kinds, ruleWords, typeWords } from "./schema.js";

/** What fields have in common: a place for what is wrong. */
export class Field {
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

export class TextField extends Field {
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

export class BooleanField extends Field {
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

export class EnumField extends Field {
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

export class FixedField extends Field {
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
