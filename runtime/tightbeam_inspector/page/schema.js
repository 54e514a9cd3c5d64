// Finding one's way in a topic's schema: references, branches, and words for what a schema asks for.

import { plural } from "./dom.js";
import { Exact, write } from "./json.js";

const MERGED = ["required", "properties", "patternProperties"];

/** A schema together with the address of the document it stands in. */
export class Place {
  constructor(schema, base, resources) {
    this.schema = schema;
    this.base = base;
    this.resources = resources;
  }

  /** The schema at a reference such as `common.json#/$defs/Money`; null where it leads nowhere we can go. */
  at(reference) {
    let address;
    try {
      address = new URL(reference, this.base);
    } catch {
      return null;
    }
    const fragment = address.hash.slice(1);
    address.hash = "";
    const document = this.resources[address.href];
    if (document === undefined || (fragment !== "" && !fragment.startsWith("/"))) return null;
    let found = document;
    for (const part of fragment.split("/").slice(1)) {
      const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
      if (found === null || typeof found !== "object" || !Object.hasOwn(found, name)) return null;
      found = found[name];
    }
    return new Place(found, address.href, this.resources);
  }

  /** The same place for a part of this schema. */
  part(schema) {
    return new Place(schema, this.base, this.resources);
  }

  /** This schema without `$ref` and `allOf` at its top, as far as they can be followed. */
  plain(depth = 0) {
    const { schema } = this;
    if (schema === null || typeof schema !== "object" || depth > 32) return this;
    if (typeof schema.$ref === "string") {
      const target = this.at(schema.$ref)?.plain(depth + 1);
      if (target === undefined) return this;
      const { $ref: _, ...beside } = schema;
      return Object.keys(beside).length === 0 ? target : this.#merged([this.part(beside), target]).plain(depth + 1);
    }
    if (Array.isArray(schema.allOf)) {
      const { allOf, ...beside } = schema;
      return this.#merged([this.part(beside), ...allOf.map((one) => this.part(one).plain(depth + 1))]);
    }
    return this;
  }

  /** One of the alternatives, with what stands beside them. */
  branch(word, index) {
    const { [word]: branches, ...beside } = this.schema;
    const branch = this.part(branches[index]).plain();
    return Object.keys(beside).length === 0 ? branch : this.#merged([this.part(beside), branch]);
  }

  /** Several in one: the earlier wins, properties come together. Each part keeps its own base. */
  #merged(places) {
    const all = {};
    for (const place of places) {
      if (place.schema === null || typeof place.schema !== "object") continue;
      for (const [name, value] of Object.entries(place.schema)) {
        if (name === "required") all.required = [...new Set([...(all.required ?? []), ...value])];
        else if (MERGED.includes(name)) all[name] = { ...rebased(value, place.base), ...all[name] };
        else if (!(name in all)) all[name] = typeof value === "object" && value !== null ? rebase(value, place.base) : value;
      }
    }
    return this.part(all);
  }
}

const rebased = (properties, base) =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, rebase(schema, base)]));

/** The references inside made absolute, so that the schema can be read elsewhere. */
function rebase(schema, base) {
  if (Array.isArray(schema)) return schema.map((one) => rebase(one, base));
  if (schema === null || typeof schema !== "object" || schema instanceof Exact) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([name, value]) => {
      if (name === "const" || name === "enum" || name === "default" || name === "examples") return [name, value];
      if (name === "$ref" && typeof value === "string" && URL.canParse(value, base)) return [name, new URL(value, base).href];
      return [name, rebase(value, base)];
    }),
  );
}

/** The kinds of JSON a schema allows, by `type` or by what its keywords are about; null when it doesn't say. */
export function kinds(schema) {
  if (schema === null || typeof schema !== "object") return null;
  if (Array.isArray(schema.type)) return schema.type;
  if (typeof schema.type === "string") return [schema.type];
  if ("properties" in schema) return ["object"];
  if ("items" in schema || "prefixItems" in schema) return ["array"];
  return null;
}

/** What stands for a branch in a choice: its title, its tag, its kind, or its number. */
export function branchName(place, index) {
  const { schema } = place.plain();
  if (typeof schema?.title === "string") return schema.title;
  for (const [name, property] of Object.entries(schema?.properties ?? {})) {
    const fixed = property?.const ?? (Array.isArray(property?.enum) && property.enum.length === 1 ? property.enum[0] : undefined);
    if (fixed !== undefined) return `${name}: ${write(fixed)}`;
  }
  if ("const" in (schema ?? {})) return write(schema.const);
  return typeWords(place) + (schema?.type === "object" ? ` ${index + 1}` : "");
}

/** The type in a few words. */
export function typeWords(place) {
  const { schema } = place.plain();
  if (schema === true || schema === undefined) return "anything";
  if (schema === false) return "nothing";
  if ("const" in schema) return write(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map((one) => write(one)).join(" | ");
  const choice = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(choice)) return [...new Set(choice.map((one, index) => branchName(place.part(one), index)))].join(" | ");
  const found = kinds(schema);
  if (found === null) return "anything";
  return found
    .map((kind) => (kind === "array" && schema.items ? `array of ${typeWords(place.plain().part(schema.items))}` : kind))
    .join(" | ");
}

const RULES = {
  format: (value) => value,
  pattern: (value) => `matches ${value}`,
  minLength: (value) => (value === 1 ? "not empty" : `at least ${plural(value, "character")}`),
  maxLength: (value) => `at most ${plural(value, "character")}`,
  minimum: (value) => `≥ ${value}`,
  maximum: (value) => `≤ ${value}`,
  exclusiveMinimum: (value) => `> ${value}`,
  exclusiveMaximum: (value) => `< ${value}`,
  multipleOf: (value) => `a multiple of ${value}`,
  minItems: (value) => `at least ${plural(value, "item")}`,
  maxItems: (value) => `at most ${plural(value, "item")}`,
  uniqueItems: (value) => (value ? "no item twice" : null),
};

/** What else a value must be, in words. */
export function ruleWords(schema) {
  if (schema === null || typeof schema !== "object") return [];
  return Object.entries(RULES)
    .filter(([name]) => name in schema)
    .map(([name, word]) => word(schema[name]))
    .filter((word) => word !== null);
}
