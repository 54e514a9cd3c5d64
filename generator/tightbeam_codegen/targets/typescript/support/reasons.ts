import { listOf, type Schema } from "./_places";

/** Keywords that hold no schemas, in the order in which their issues are listed. */
export const LEAVES: readonly string[] = [
  ...["type", "enum", "const", "format", "pattern", "minLength", "maxLength", "minimum", "exclusiveMinimum"],
  ...["maximum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems"],
  ...["minProperties", "maxProperties"],
];

const TYPES: { readonly [name: string]: string } = {
  array: "an array",
  boolean: "a boolean",
  integer: "an integer",
  null: "null",
  number: "a number",
  object: "an object",
  string: "a string",
};

const FORMATS: { readonly [name: string]: string } = {};

const SHOWN_VALUES = 12;
const SHOWN_TEXT = 80;

/** Return whether a value has one of the types that a schema names. */
export function hasType(types: unknown, value: unknown): boolean {
  const own = typeOf(value);
  return asList(types).some((type) => type === own || (type === "number" && own === "integer"));
}

/** Explain a wrong type, as in `must be a string or null, not an integer`. */
export function typeReason(types: unknown, value: unknown): string {
  const wanted = [...new Set(asList(types))].map((type) => TYPES[String(type)] ?? String(type));
  const own = typeOf(value);
  return `must be ${either(wanted)}, not ${own === "integer" && wanted.includes("a number") ? "a number" : TYPES[own]}`;
}

/** Name the values that are allowed, as in `must be one of: low, medium, high`, or `must be paid` for a single one. */
export function oneOf(values: readonly unknown[]): string {
  const texts = values.map(shown);
  if (texts.length === 1) return `must be ${texts[0]}`;
  const more = texts.length > SHOWN_VALUES ? `, … (${texts.length} values)` : "";
  return `must be one of: ${texts.slice(0, SHOWN_VALUES).join(", ")}${more}`;
}

/**
 * Explain the keyword that a value breaks, in words of the schema, without the value.
 *
 * `formats` names the format of each pattern that the generator wrote in place of one.
 */
export function leafReason(
  keyword: string,
  schema: Schema,
  value: unknown,
  formats: { readonly [pattern: string]: string },
): string {
  const limit = schema[keyword];
  switch (keyword) {
    case "type":
      return typeReason(limit, value);
    case "enum":
      return oneOf(listOf(limit));
    case "const":
      return oneOf([limit]);
    case "format":
      return `must be ${FORMATS[String(limit)] ?? `a valid ${cut(String(limit))}`}`;
    case "pattern": {
      const format = Object.hasOwn(formats, String(limit)) ? FORMATS[formats[String(limit)] ?? ""] : undefined;
      return format === undefined ? `must match the pattern ${cut(String(limit))}` : `must be ${format}`;
    }
    case "minimum":
      return `must be ${schema["exclusiveMinimum"] === true ? "more than" : "at least"} ${limit}`;
    case "maximum":
      return `must be ${schema["exclusiveMaximum"] === true ? "less than" : "at most"} ${limit}`;
    case "exclusiveMinimum":
      return `must be more than ${limit}`;
    case "exclusiveMaximum":
      return `must be less than ${limit}`;
    case "multipleOf":
      return `must be a multiple of ${limit}`;
    case "uniqueItems":
      return "must not have the same item twice";
    default:
      return `must have at ${keyword.startsWith("min") ? "least" : "most"} ${counted(limit, keyword.slice(3))}`;
  }
}

function counted(limit: unknown, what: string): string {
  const noun = what === "Length" ? "character" : what === "Items" ? "item" : "key";
  return `${limit} ${noun}${limit === 1 ? "" : "s"}`;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

function asList(types: unknown): readonly unknown[] {
  return Array.isArray(types) ? types : [types];
}

function either(words: readonly string[]): string {
  return words.length === 1 ? `${words[0]}` : `${words.slice(0, -1).join(", ")} or ${words[words.length - 1]}`;
}

function shown(value: unknown): string {
  const isPlain = typeof value === "string" && value !== "" && value.trim() === value && !value.includes(",");
  return cut(isPlain ? value : JSON.stringify(value));
}

function cut(text: string): string {
  const characters = [...text.slice(0, 2 * SHOWN_TEXT + 1)];
  return characters.length <= SHOWN_TEXT ? text : `${characters.slice(0, SHOWN_TEXT).join("")}…`;
}
