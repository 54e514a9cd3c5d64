// JSON as text: read strictly, with each number as it is written, and laid out without a change.

const MAX_DEPTH = 1000;
const SPACE = /[ \t\n\r]*/y;
const WORD = /[^\s,:[\]{}"]+/y;
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*/y;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"?|[{}[\]:,]|[^\s{}[\]:,"]+/gs;
const NAMES = { true: true, false: false, null: null };

/** As JSON writes a number. */
export const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A number that JavaScript would round or write in another way. */
export class Exact {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

/** Why a text isn't JSON that can be sent, and where. */
export class NotJson extends Error {
  constructor(why, text, at) {
    const lines = text.slice(0, at).split("\n");
    super(`line ${lines.length}, column ${[...lines.at(-1)].length + 1}: ${why}`);
    this.why = why;
    this.at = at;
  }
}

/** The value of a JSON text; raises `NotJson` at what the gateway wouldn't take for JSON, and at a property that is there twice. */
export function parse(text) {
  const reader = new Reader(text);
  const value = reader.value(0);
  if (reader.peek() !== "") reader.fail("the value has ended here, and more follows");
  return value;
}

class Reader {
  #text;
  #at = 0;

  constructor(text) {
    this.#text = text;
  }

  fail(why, at = this.#at) {
    throw new NotJson(why, this.#text, at);
  }

  /** The next character after white space. */
  peek() {
    this.#take(SPACE);
    return this.#text.charAt(this.#at);
  }

  #take(pattern) {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    this.#at += found?.length ?? 0;
    return found;
  }

  value(depth) {
    if (depth > MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH}`);
    const next = this.peek();
    if (next === "{") return this.#object(depth);
    if (next === "[") return this.#array(depth);
    if (next === '"') return this.#string();
    if (next === "") this.fail("a value is missing");
    const at = this.#at;
    const word = this.#take(WORD);
    if (word === null) this.fail(`a value is missing before “${next}”`);
    if (Object.hasOwn(NAMES, word)) return NAMES[word];
    if (!NUMBER.test(word)) this.fail(`“${word.slice(0, 40)}” is no value of JSON; text stands in double quotes`, at);
    const number = Number(word);
    if (!Number.isFinite(number)) this.fail("the number is too large", at);
    return String(number) === word ? number : new Exact(word);
  }

  #object(depth) {
    const found = {};
    this.#members("}", "property", () => {
      if (this.peek() !== '"') this.fail("a property's name stands in double quotes");
      const at = this.#at;
      const name = this.#string();
      if (Object.hasOwn(found, name)) this.fail(`the property ${JSON.stringify(name)} is there twice`, at);
      if (this.peek() !== ":") this.fail("a colon is missing after the property's name");
      this.#at += 1;
      const value = this.value(depth + 1);
      Object.defineProperty(found, name, { value, enumerable: true }); // it may be called __proto__
    });
    return found;
  }

  #array(depth) {
    const found = [];
    this.#members("]", "item", () => found.push(this.value(depth + 1)));
    return found;
  }

  #members(end, what, read) {
    this.#at += 1;
    if (this.peek() !== end) {
      for (;;) {
        if (this.peek() === end) this.fail(`one more ${what} is expected here, or the comma before is one too many`);
        read();
        const next = this.peek();
        if (next === end) break;
        if (next !== ",") this.fail(`“,” or “${end}” is missing`);
        this.#at += 1;
      }
    }
    this.#at += 1;
  }

  #string() {
    const at = this.#at;
    const quoted = `${this.#take(STRING)}"`;
    const next = this.#text.charAt(this.#at);
    if (next === "" || next === "\n") this.fail("the closing quote is missing (a line break is written \\n)", next ? this.#at : at);
    if (next !== '"') this.fail(`“${next === "\\" ? this.#text.substr(this.#at, 2) : next}” isn't how a text has this character`);
    this.#at += 1;
    const text = JSON.parse(quoted);
    if (!text.isWellFormed()) this.fail("the text has half a character (a lone surrogate)", at);
    return text;
  }
}

/** JSON of a value of `parse`; with sorted names two that say the same are the same. */
export function write(value, sorted = false) {
  if (value instanceof Exact) return value.text;
  if (Array.isArray(value)) return `[${value.map((one) => write(one, sorted)).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = sorted ? Object.keys(value).sort() : Object.keys(value);
  return `{${names.map((name) => `${JSON.stringify(name)}:${write(value[name], sorted)}`).join(",")}}`;
}

/** The same JSON over several lines; its beginning will do. */
export function layout(text) {
  const out = [];
  let depth = 0;
  let last = "";
  for (const [token] of text.matchAll(TOKEN)) {
    const closes = token === "}" || token === "]";
    const inside = last === "{" || last === "[";
    if (closes) depth = Math.max(0, depth - 1);
    if (closes ? !inside : inside || last === ",") out.push("\n", "  ".repeat(depth));
    out.push(token === ":" ? ": " : token);
    if (token === "{" || token === "[") depth += 1;
    last = token;
  }
  return out.join("");
}

const STOP = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],]/gs;

/** The text of the value that begins here. */
export function valueAt(text, start) {
  let depth = 0;
  STOP.lastIndex = start;
  for (let match = STOP.exec(text); match !== null; match = STOP.exec(text)) {
    const [one] = match[0];
    if (one === "{" || one === "[") depth += 1;
    else if (one === "}" || one === "]") depth -= 1;
    if (depth === 0) return text.slice(start, one === "," ? match.index : STOP.lastIndex);
  }
  return text.slice(start);
}
