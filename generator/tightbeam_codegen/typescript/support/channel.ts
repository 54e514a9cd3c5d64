import { staticSchema } from "inngest/realtime";

/** What checks payloads of type `T`, or only says that they are: a Standard Schema (standardschema.dev). */
export type PayloadSchema<T> = {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (
      value: unknown,
      options?: { readonly libraryOptions?: { readonly [name: string]: unknown } | undefined },
    ) => Checked<T> | Promise<Checked<T>>;
    readonly types?: { readonly input: T; readonly output: T } | undefined;
  };
};

/** The payload, or what is wrong with it and where. */
export type Checked<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<{ readonly message: string; readonly path?: ReadonlyArray<PropertyKey> }> };

/** The type of a payload, unchecked: what `staticSchema` is, for payloads that are no objects too. */
export function payload<T>(): PayloadSchema<T> {
  return staticSchema() as unknown as PayloadSchema<T>;
}

const LARGEST = BigInt(2 ** 53);

/** What a parameter is, or the values that it can have. */
export type ParamRule = "string" | "integer" | "boolean" | ReadonlyArray<string | number | bigint | boolean>;

/**
 * The name of a channel, as the Python side computes it.
 *
 * Throws a TypeError for a parameter that no channel can have: a string that is empty or contains the separator, a
 * control character or half a surrogate pair; a number that isn't an integer within ±(2^53 - 1) (JavaScript can't
 * tell larger ones apart; as a bigint ±2^53 is one too).
 */
export function channelName<P extends object>(
  template: string,
  separator: string,
  rules: { readonly [K in keyof P]: ParamRule },
  params: P,
): string {
  return template.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const key = name as keyof P;
    const [text, problem] = textOf(params[key], rules[key], separator);
    if (problem !== undefined) throw new TypeError(`parameter "${name}" of channel "${template}" ${problem}`);
    return text;
  });
}

function textOf(value: unknown, rule: ParamRule, separator: string): [text: string, problem?: string] {
  if (typeof rule === "object" && !rule.some((one) => isSame(one, value))) return ["", "has none of its values"];
  const kind = typeof rule === "object" ? kindOf(value) : rule;
  if (kindOf(value) !== kind) return ["", `must be ${kind === "integer" ? "an integer within ±2^53" : `a ${kind}`}`];
  const text = String(value);
  if (text === "") return ["", "must not be empty"];
  if (text.includes(separator)) return ["", `must not contain the separator "${separator}"`];
  if (/\p{Cc}/u.test(text)) return ["", "must not contain control characters"];
  if (/\p{Cs}/u.test(text)) return ["", "must not contain lone surrogates"];
  return [text];
}

/** Whether two values are written alike; 1 and 1n are. */
function isSame(one: unknown, other: unknown): boolean {
  return kindOf(one) === kindOf(other) && String(one) === String(other);
}

function kindOf(value: unknown): "string" | "integer" | "boolean" | undefined {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "bigint") return value >= -LARGEST && value <= LARGEST ? "integer" : undefined;
  return Number.isSafeInteger(value) ? "integer" : undefined;
}
