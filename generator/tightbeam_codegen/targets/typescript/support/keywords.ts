/** The part of Ajv that keywords need. */
type Ajv = {
  addFormat(name: string, format: (text: string) => boolean): unknown;
  addKeyword(definition: object): unknown;
  formats: object;
  removeKeyword(keyword: string): unknown;
};
type Check = { (data: unknown): boolean; errors?: ReadonlyArray<object> };

/** Replace the keywords in which Ajv differs from JSON Schema: by floating point, and by inherited properties. */
export function useExactKeywords(ajv: Ajv): void {
  const define = (keyword: string, message: string, compile: (schema: unknown) => Check, type?: string): void => {
    ajv.removeKeyword(keyword);
    ajv.addKeyword({ keyword, compile, error: { message }, ...(type === undefined ? {} : { type }) });
  };
  define("const", "must be equal to constant", (value) => isOneOf([value]));
  define("enum", "must be equal to one of the allowed values", (values) => isOneOf(values as unknown[]));
  define("multipleOf", "must be a multiple", (factor) => isMultipleOf(factor as number), "number");
  define("uniqueItems", "must NOT have duplicate items", (wanted) => (wanted ? hasUniqueItems : () => true), "array");
}

function isOneOf(values: ReadonlyArray<unknown>): Check {
  const known = new Set(values.map((value) => canonical(value)));
  return (data) => known.has(canonical(data));
}

function hasUniqueItems(data: unknown): boolean {
  const items = (data as ReadonlyArray<unknown>).map((item, index) => canonical(item, index));
  return new Set(items).size === items.length;
}

/**
 * Return a text that is the same for two values if JSON Schema takes them for equal.
 *
 * With an `owner`, a number that stands for several integers is equal to no other owner's.
 */
export function canonical(value: unknown, owner?: number): string {
  if (typeof value === "number") {
    return owner !== undefined && isAmbiguous(value) ? `${value} of ${owner}` : String(value);
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, owner)).join()}]`;
  const object = value as { readonly [key: string]: unknown };
  const entries = Object.keys(object).sort();
  return `{${entries.map((key) => `${JSON.stringify(key)}:${canonical(object[key], owner)}`).join()}}`;
}

/** Return whether several integers are read as this number. Python sends integers of 64 bits; larger numbers were fractions. */
function isAmbiguous(value: number): boolean {
  return Math.abs(value) > Number.MAX_SAFE_INTEGER && Math.abs(value) <= 2 ** 64;
}

/** Compile `multipleOf` for decimal numbers as they are written, such as 0.07, not for their nearest binary fractions. */
function isMultipleOf(factor: number): Check {
  const [ofDigits, ofExponent] = decimal(factor);
  const check: Check = (data) => {
    const value = Math.abs(data as number);
    const [digits, exponent] = decimal(value);
    const common = Math.min(exponent, ofExponent);
    const dividend = BigInt(digits + "0".repeat(exponent - common));
    const divisor = BigInt(ofDigits + "0".repeat(ofExponent - common));
    const rest = dividend % divisor;
    if (rest === ZERO) return true;
    // One of the integers that are read as this number may be a multiple.
    const near = isAmbiguous(value) ? [dividend - rest, dividend - rest + divisor] : [];
    if (near.some((multiple) => Number(`${multiple}e${common}`) === value)) return true;
    check.errors = [{ keyword: "multipleOf", message: `must be multiple of ${factor}`, params: { multipleOf: factor } }];
    return false;
  };
  return check;
}

const ZERO = BigInt(0);

/** Return the digits of a number as it is written, and the power of ten that they are multiplied by. */
function decimal(value: number): [digits: string, exponent: number] {
  const [mantissa = "", power = "0"] = String(value).split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return [whole + fraction, Number(power) - fraction.length];
}

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const HOST = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`, "i");
const LITERAL = /^\[(IPv6:)?([^\]]*)\]$/;
const ATOM = "[a-z0-9!#$%&'*+/=?^_`{|}~-]+";
const MAILBOX = new RegExp(`^(?:${ATOM}(?:\\.${ATOM})*|"(?:[\\t !#-[\\]-~]|\\\\[\\t -~])*")$`, "i");

/** Accept well-formed e-mail addresses and URIs that the plugin's expressions refuse. */
export function useExactFormats(ajv: Ajv): void {
  const is = (name: string, text: string): boolean => {
    const format = (ajv.formats as { [name: string]: unknown })[name] as RegExp | ((text: string) => boolean);
    return typeof format === "function" ? format(text) : format.test(text);
  };
  const isUri = (ajv.formats as { uri: (text: string) => boolean }).uri;
  // A URI may have a scheme and nothing else.
  ajv.addFormat("uri", (text) => isUri(text.replace(/^([a-z][a-z0-9+.-]*:)(?=$|[?#])/i, "$1a")));
  ajv.addFormat("email", (text) => {
    const at = text.lastIndexOf("@");
    const [mailbox, host] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
    const [, version, address] = LITERAL.exec(host) ?? [];
    const isHost = address === undefined ? HOST.test(host) : is(version === undefined ? "ipv4" : "ipv6", address);
    return isHost && mailbox.length <= 64 && MAILBOX.test(mailbox);
  });
}
