import type { PayloadSchema } from "./_channel";
import { useExactFormats, useExactKeywords } from "./_keywords";
import { extraOf, type Fault, withoutUndeclared } from "./_undeclared";

/** As much of Ajv as is used here. */
type Ajv = {
  addFormat(name: string, format: (text: string) => boolean): unknown;
  addKeyword(definition: object): unknown;
  addSchema(schema: object, key: string): unknown;
  compile(schema: object): Check;
  formats: object;
  removeKeyword(keyword: string): unknown;
};
type AjvClass = new (options: object) => Ajv;
type Check = { (value: unknown): unknown; errors?: ReadonlyArray<Fault> | null };
type Options = { readonly libraryOptions?: { readonly [name: string]: unknown } | undefined };

type Bundle = {
  formats: boolean;
  patterns: { [pattern: string]: readonly [source: string, flags: string] };
  resources: { [uri: string]: object };
  topics: { [name: string]: { ref: string; draft: number } };
  params: { [name: string]: object };
};

const MAX_ROUNDS = 100;

/**
 * Validators for the topics of one channel, compiled at their first use.
 *
 * `classes` has Ajv's class for each draft that the schemas are written in, `formats` the plugin ajv-formats where
 * formats are asserted.
 */
export class Validators {
  readonly #bundle: Bundle;
  readonly #classes: { readonly [draft: number]: unknown };
  readonly #formats: unknown;
  readonly #ajvs = new Map<number, Ajv>();

  constructor(schemas: string, classes: { readonly [draft: number]: unknown }, formats?: unknown) {
    this.#bundle = JSON.parse(schemas) as Bundle;
    this.#classes = classes;
    this.#formats = formats;
  }

  /** The same topics, with schemas that check. */
  topics<T extends { readonly [name: string]: { readonly schema: PayloadSchema<unknown> } }>(topics: T): T {
    const names = Object.keys(topics);
    return Object.fromEntries(names.map((name) => [name, { schema: this.#schema(name) }])) as unknown as T;
  }

  /** The channel's name once its parameters fit their schemas; throws a TypeError where one doesn't. */
  name(params: object, name: string): string {
    for (const [param, schema] of Object.entries(this.#bundle.params)) {
      const value: unknown = (params as { [name: string]: unknown })[param];
      const check = this.#ajv(2020).compile(schema);
      if (!check(typeof value === "bigint" ? Number(value) : value)) {
        throw new TypeError(`parameter "${param}" ${check.errors?.[0]?.message ?? "breaks its schema"}`);
      }
    }
    return name;
  }

  #schema(topic: string): PayloadSchema<unknown> {
    let compiled: Check | undefined;
    const validate = (given: unknown, options?: Options) => {
      // A message whose data is null arrives without data.
      const value = given === undefined ? null : given;
      compiled ??= this.#compile(topic);
      const issues = issuesOf(compiled, value, options?.libraryOptions?.["exact"] === true);
      return issues.length === 0 ? { value } : { issues };
    };
    return { "~standard": { version: 1, vendor: "tightbeam", validate } };
  }

  #compile(topic: string): Check {
    const stated = this.#bundle.topics[topic];
    if (stated === undefined) throw new Error(`no schema for topic "${topic}": run \`tightbeam generate\` again`);
    return this.#ajv(stated.draft).compile({ $ref: stated.ref });
  }

  #ajv(draft: number): Ajv {
    const known = this.#ajvs.get(draft);
    if (known !== undefined) return known;
    const { formats, patterns, resources } = this.#bundle;
    const spelt = new Map(Object.entries(patterns));
    const regExp = (pattern: string, flags: string): RegExp => new RegExp(...(spelt.get(pattern) ?? [pattern, flags]));
    // Schemas were checked when this was generated, so there is nothing to complain about here. Up to draft 7 a
    // reference hides what stands beside it.
    const made = new (this.#classes[draft] as AjvClass)({
      allErrors: true,
      code: { process: withOwnProperties, regExp: Object.assign(regExp, { code: "new RegExp" }) },
      ignoreKeywordsWithRef: draft <= 7,
      logger: false,
      ownProperties: true,
      strict: false,
      validateFormats: formats,
      validateSchema: false,
      verbose: true,
    });
    if (formats) {
      pluginOf(this.#formats)(made, { mode: "full" });
      useExactFormats(made);
    }
    useExactKeywords(made);
    for (const [uri, resource] of Object.entries(resources)) {
      // Metaschemas of the drafts are there already.
      if (!isKnown(made, uri)) made.addSchema(resource, uri);
    }
    this.#ajvs.set(draft, made);
    return made;
  }
}

/**
 * Mends how `unevaluatedProperties` looks up what was evaluated: in an object that inherits properties, and that can't
 * have one called `__proto__`.
 */
function withOwnProperties(code: string): string {
  const found = '($2 === "__proto__" || Object.prototype.hasOwnProperty.call($1, $2))';
  return code.replace(/!(props\d+)\[(key\d+)\]/g, `!${found}`);
}

function isKnown(ajv: Ajv, uri: string): boolean {
  const { schemas, refs } = ajv as unknown as { schemas: object; refs: object };
  return uri in schemas || uri in refs;
}

/** A CommonJS module arrives as what it exports or as an object around it, depending on who loads it. */
function pluginOf(formats: unknown): (ajv: Ajv, options: object) => unknown {
  const inner = (formats as { default?: unknown }).default;
  return (typeof inner === "function" ? inner : formats) as (ajv: Ajv, options: object) => unknown;
}

/**
 * What is wrong with a value.
 *
 * Unless it has to be exact, properties that no schema declares are passed over: whoever published them may know a
 * newer version of it. They are taken out of a copy, again and again, until the rest is valid or nothing more can go.
 */
function issuesOf(check: Check, value: unknown, exact: boolean): ReturnType<typeof issue>[] {
  let rest = value;
  for (let round = 0; !check(rest); round += 1) {
    const faults = check.errors ?? [];
    const less = exact || round === MAX_ROUNDS ? rest : withoutUndeclared(rest, faults);
    if (less === rest) return faults.map((fault) => issue(fault, rest));
    rest = less;
  }
  return [];
}

function issue(fault: Fault, value: unknown): { message: string; path: PropertyKey[] } {
  const extra = extraOf(fault);
  const message = fault.message ?? `breaks ${fault.keyword}`;
  return {
    message: extra !== undefined ? `${message}: ${JSON.stringify(extra)}` : message,
    path: pathOf(fault.instancePath, value),
  };
}

/** A JSON pointer as keys, indexes as numbers. */
function pathOf(pointer: string, value: unknown): PropertyKey[] {
  const path: PropertyKey[] = [];
  let inner: unknown = value;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replace(/~1/g, "/").replace(/~0/g, "~");
    path.push(Array.isArray(inner) ? Number(key) : key);
    inner = (inner as { [key: string]: unknown } | null)?.[key];
  }
  return path;
}
