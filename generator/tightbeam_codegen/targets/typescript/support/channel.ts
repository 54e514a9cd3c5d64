/** A schema of payloads of type `T`, which may check them: a Standard Schema (standardschema.dev). */
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

/** The outcome of a check: the payload, or its issues with their places. */
export type Checked<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: ReadonlyArray<{ readonly message: string; readonly path?: ReadonlyArray<PropertyKey> }> };

/** The topics of a channel by name, given the types of their payloads. */
export type Topics<Payloads> = { readonly [Topic in keyof Payloads]: TopicConfig<Payloads[Topic]> };
export type TopicConfig<Payload> = { readonly schema: PayloadSchema<Payload> };

/** One topic of one channel, as a publish takes it. Where npm `inngest` is installed, it is that package's type. */
export type TopicRef<Payload> = [0] extends [1 & OfInngest<Payload>]
  ? Ref<Payload>
  : OfInngest<Payload>;
type Ref<Payload> = { readonly channel: string; readonly topic: string; readonly config: TopicConfig<Payload> };
/** The type of npm `inngest`; where the package isn't installed it is `any`.
 * @ts-ignore */
type OfInngest<Payload> = import("inngest/realtime").Realtime.TopicRef<Payload>;

/** One channel: its name, all its topics, and each topic as a property. */
export type ChannelInstance<Name extends string, Payloads> = {
  readonly name: Name;
  readonly topics: Topics<Payloads>;
} & { readonly [Topic in keyof Payloads]: TopicRef<Payloads[Topic]> };

/** A channel whose name has no parameters. */
export type FixedChannel<Name extends string, Payloads> = ChannelInstance<Name, Payloads> & {
  readonly $infer: Payloads;
};

/** A channel for each value of some parameters. */
export type ChannelDef<Params, Payloads> = ((params: Params) => ChannelInstance<string, Payloads>) & {
  readonly topics: Topics<Payloads>;
  readonly $infer: Payloads;
  readonly $params: Params;
};

/** Any channel, with or without parameters. */
export type AnyChannel = { readonly topics: Topics<{ readonly [topic: string]: unknown }> };

/** The names of a channel's topics. */
export type Topic<Channel> = Channel extends { readonly topics: infer Declared } ? keyof Declared & string : never;

/** A message of a channel: a union with one member for each topic, discriminated by `topic`. */
export type Message<Channel, Name extends string = Topic<Channel>> = Channel extends { readonly topics: infer Declared }
  ? { [Topic in keyof Declared & Name]: MessageOf<Topic, Declared[Topic]> }[keyof Declared & Name]
  : never;
type MessageOf<Topic, Config> = {
  readonly kind: "data";
  readonly channel: string;
  readonly topic: Topic;
  readonly data: Config extends { readonly schema: { readonly "~standard": { readonly types?: infer Types } } }
    ? NonNullable<Types> extends { readonly output: infer Payload }
      ? Payload
      : unknown
    : unknown;
  readonly createdAt: Date;
  readonly runId?: string;
};

/** A type that TypeScript doesn't infer from where this stands: `NoInfer`, for compilers before 5.4 as well. */
export type NotInferred<T> = [T][T extends unknown ? 0 : never];

/** Return a schema that states the type of a payload, and checks nothing. */
export function payload<T>(): PayloadSchema<T> {
  return { "~standard": { version: 1, vendor: "tightbeam", validate: (value) => ({ value: value as T }) } };
}

/**
 * Define a channel. If its name has parameters, return a function of them.
 *
 * The result has the shape of what `realtime.channel` of npm `inngest` returns, so that package's functions take it.
 */
export function channel<const Name extends string, Payloads>(options: {
  readonly name: Name;
  readonly topics: Topics<Payloads>;
}): FixedChannel<Name, Payloads>;
export function channel<Params, Payloads>(options: {
  readonly name: (params: Params) => string;
  readonly topics: Topics<Payloads>;
}): ChannelDef<Params, Payloads>;
export function channel(options: {
  readonly name: string | ((params: unknown) => string);
  readonly topics: AnyChannel["topics"];
}): unknown {
  const { name, topics } = options;
  if (typeof name === "string") return { ...instance(name, topics), $infer: topics };
  return Object.defineProperties((params: unknown) => instance(name(params), topics), {
    topics: { value: topics, enumerable: true },
    $infer: { get: () => topics },
    $params: { get: () => undefined },
  });
}

function instance(name: string, topics: AnyChannel["topics"]): object {
  const refs = Object.entries(topics).map(([topic, config]) => [topic, { channel: name, topic, config }] as const);
  return { name, topics, ...Object.fromEntries(refs) };
}

const LARGEST = BigInt(2 ** 53);

/** The type of a parameter, or its possible values. */
export type ParamRule = "string" | "integer" | "boolean" | ReadonlyArray<string | number | bigint | boolean>;

/**
 * Return the name of a channel, byte for byte as Python computes it.
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

/** Return a parameter as it stands in a name, or the problem with it. */
function textOf(value: unknown, rule: ParamRule, separator: string): [text: string, problem?: string] {
  if (typeof rule === "object" && !rule.some((allowed) => isSame(allowed, value))) return ["", "has none of its values"];
  const kind = typeof rule === "object" ? kindOf(value) : rule;
  if (kindOf(value) !== kind) return ["", `must be ${kind === "integer" ? "an integer within ±2^53" : `a ${kind}`}`];
  const text = String(value);
  if (text === "") return ["", "must not be empty"];
  if (text.includes(separator)) return ["", `must not contain the separator "${separator}"`];
  if (/\p{Cc}/u.test(text)) return ["", "must not contain control characters"];
  if (/\p{Cs}/u.test(text)) return ["", "must not contain lone surrogates"];
  return [text];
}

/** Return whether two values are spelt alike in a name, as 1 and 1n are. */
function isSame(first: unknown, second: unknown): boolean {
  return kindOf(first) === kindOf(second) && String(first) === String(second);
}

function kindOf(value: unknown): "string" | "integer" | "boolean" | undefined {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "bigint") return value >= -LARGEST && value <= LARGEST ? "integer" : undefined;
  return Number.isSafeInteger(value) ? "integer" : undefined;
}
