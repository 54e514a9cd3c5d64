import type { PayloadSchema } from "./_channel";
import { type Check, explain, explainLeaves, type Issue, type Schemas } from "./_explain";
import { useExactFormats, useExactKeywords } from "./_keywords";
import { type Place, Places } from "./_places";
import { useRings } from "./_rings";
import { Undeclared } from "./_undeclared";
import { Unions } from "./_unions";

/** The part of Ajv that is used here. */
type Ajv = {
  addFormat(name: string, format: (text: string) => boolean): unknown;
  addKeyword(definition: object): unknown;
  addSchema(schema: object, key: string): unknown;
  compile(schema: object): Check;
  formats: object;
  removeKeyword(keyword: string): unknown;
};
type AjvClass = new (options: object) => Ajv;
type Options = { readonly libraryOptions?: { readonly [name: string]: unknown } | undefined };

type Bundle = {
  formats: boolean;
  patterns: { [pattern: string]: readonly [source: string, flags: string] };
  resources: { [uri: string]: object };
  topics: { [name: string]: { ref: string; draft: number } };
  params: { [name: string]: { readonly [keyword: string]: unknown } };
  /** The format of each pattern that the generator wrote in place of one. */
  typed: { [pattern: string]: string };
};

/** The schemas, compiled as one draft reads them. */
type Reader = Schemas & { readonly ajv: Ajv; readonly undeclared: Undeclared };

/** One topic with its compiled schema. */
type Topic = { readonly check: Check; readonly reader: Reader; readonly place: Place | undefined };

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
  readonly #readers = new Map<number, Reader>();

  constructor(schemas: string, classes: { readonly [draft: number]: unknown }, formats?: unknown) {
    this.#bundle = JSON.parse(schemas) as Bundle;
    this.#classes = classes;
    this.#formats = formats;
  }

  /** Return the same topics with schemas that check. */
  topics<T extends { readonly [name: string]: { readonly schema: PayloadSchema<unknown> } }>(topics: T): T {
    const names = Object.keys(topics);
    return Object.fromEntries(names.map((name) => [name, { schema: this.#schema(name) }])) as unknown as T;
  }

  /** Return the channel's name. Throws a TypeError for a parameter that breaks its schema. */
  name(params: object, name: string): string {
    for (const [param, schema] of Object.entries(this.#bundle.params)) {
      const value: unknown = (params as { [name: string]: unknown })[param];
      const [issue] = explainLeaves(this.#reader(2020), schema, typeof value === "bigint" ? Number(value) : value);
      if (issue !== undefined) throw new TypeError(`parameter "${param}" ${issue.message}`);
    }
    return name;
  }

  #schema(name: string): PayloadSchema<unknown> {
    let topic: Topic | undefined;
    const validate = (given: unknown, options?: Options) => {
      // A message whose data is null arrives without data.
      const value = given === undefined ? null : given;
      topic ??= this.#topic(name);
      const issues = issuesOf(topic, value, options?.libraryOptions?.["exact"] === true);
      return issues.length === 0 ? { value } : { issues };
    };
    return { "~standard": { version: 1, vendor: "tightbeam", validate } };
  }

  #topic(name: string): Topic {
    const topic = this.#bundle.topics[name];
    if (topic === undefined) throw new Error(`no schema for topic "${name}": run \`tightbeam generate\` again`);
    const reader = this.#reader(topic.draft);
    return { check: reader.compile({ $ref: topic.ref }), reader, place: reader.places.find(topic.ref) };
  }

  #reader(draft: number): Reader {
    const known = this.#readers.get(draft);
    if (known !== undefined) return known;
    const ajv = this.#ajv(draft);
    const places = new Places(this.#bundle.resources);
    const unions = new Unions(places, draft);
    const compile = (schema: object): Check => ajv.compile(schema);
    const undeclared = new Undeclared(unions, (pattern) => this.#regExp(pattern, "u"));
    const reader: Reader = { ajv, checks: new Map(), compile, formats: this.#bundle.typed, places, undeclared, unions };
    this.#readers.set(draft, reader);
    return reader;
  }

  #regExp(pattern: string, flags: string): RegExp {
    const spelt = Object.hasOwn(this.#bundle.patterns, pattern) ? this.#bundle.patterns[pattern] : undefined;
    return new RegExp(...(spelt ?? ([pattern, flags] as const)));
  }

  #ajv(draft: number): Ajv {
    const { formats, resources } = this.#bundle;
    const regExp = (pattern: string, flags: string): RegExp => this.#regExp(pattern, flags);
    // The generator has checked the schemas, so Ajv needn't. Up to draft 7, keywords beside a reference are ignored. With
    // `allErrors`, Ajv would try every branch of every union inside every other.
    const ajv = new (this.#classes[draft] as AjvClass)({
      allErrors: false,
      code: { process: withOwnProperties, regExp: Object.assign(regExp, { code: "new RegExp" }) },
      ignoreKeywordsWithRef: draft <= 7,
      logger: false,
      ownProperties: true,
      strict: false,
      validateFormats: formats,
      validateSchema: false,
    });
    if (formats) {
      pluginOf(this.#formats)(ajv, { mode: "full" });
      useExactFormats(ajv);
    }
    useExactKeywords(ajv);
    useRings(ajv);
    for (const [uri, resource] of Object.entries(resources)) {
      // Ajv has the metaschemas of the drafts.
      if (!isKnown(ajv, uri)) ajv.addSchema(resource, uri);
    }
    return ajv;
  }
}

/**
 * Correct how Ajv's code for `unevaluatedProperties` looks up evaluated names: its record is an object that inherits
 * properties and can't have one called `__proto__`.
 */
function withOwnProperties(code: string): string {
  const lookup = '($2 === "__proto__" || Object.prototype.hasOwnProperty.call($1, $2))';
  return code.replace(/!(props\d+)\[(key\d+)\]/g, `!${lookup}`);
}

function isKnown(ajv: Ajv, uri: string): boolean {
  const { schemas, refs } = ajv as unknown as { schemas: object; refs: object };
  return uri in schemas || uri in refs;
}

/** Return the plugin: some loaders wrap a CommonJS module's export in an object. */
function pluginOf(formats: unknown): (ajv: Ajv, options: object) => unknown {
  const inner = (formats as { default?: unknown }).default;
  return (typeof inner === "function" ? inner : formats) as (ajv: Ajv, options: object) => unknown;
}

/**
 * Return the issues of a value.
 *
 * Unless `exact`, undeclared properties are ignored, since the publisher may have a newer version of the schema. The rest
 * has to be valid.
 */
function issuesOf({ check, reader, place }: Topic, value: unknown, exact: boolean): readonly Issue[] {
  if (check(value)) return [];
  let rest = value;
  for (const spareOpen of exact || place === undefined ? [] : [true, false]) {
    const less = place === undefined ? rest : reader.undeclared.without(rest, place, spareOpen);
    if (less !== rest && check(less)) return [];
    rest = less;
  }
  return explain(reader, place, rest);
}
