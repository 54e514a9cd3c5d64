import { childOf, isObject, listOf, mapOf, type Place, type Places, refOf, type Schema } from "./_places";
import { LEAVES, leafReason } from "./_reasons";
import { type Branch, countKnown, type Unions } from "./_unions";

/** One thing that is wrong with a value, and its place. */
export type Issue = { readonly message: string; readonly path: readonly PropertyKey[] };

/** A compiled schema: decides whether a value fits it. */
export type Check = { (value: unknown): unknown; errors?: ReadonlyArray<Fault> | null };
type Fault = { readonly instancePath: string; readonly keyword: string; readonly params: Schema };

/** The schemas of one channel, read by one draft. */
export type Schemas = {
  readonly places: Places;
  readonly unions: Unions;
  /** The formats that patterns of ours stand for. */
  readonly formats: { readonly [pattern: string]: string };
  readonly compile: (schema: Schema) => Check;
  /** The parts that are compiled so far. */
  readonly checks: Map<string, Check>;
};

type Path = readonly PropertyKey[];

const MAX_ISSUES = 100;
const MAX_MILLISECONDS = 500;
/** The additional time for compiling, which happens once for each place. */
const MAX_COMPILING_MILLISECONDS = 2_000;
const MAX_DEPTH = 200;
const MAX_TRIED = 6;
const MAX_UNDECLARED = 20;
const REFERENCES = ["$ref", "$dynamicRef", "$recursiveRef", "tightbeam-ring"];

/**
 * Explain why a value doesn't fit the schema at a place.
 *
 * The walk is that of Python's validator: it tests the value against one part of the schema after the other, and follows
 * one branch of a union, where Ajv would list the issues of all. Messages hold no value of the payload.
 */
export function explain(schemas: Schemas, place: Place | undefined, value: unknown): readonly Issue[] {
  const walk = new Walk(schemas);
  try {
    if (place !== undefined) walk.visit(place, value, [], 0);
  } catch {
    // The time is up, or Ajv can't compile a part: the issues so far are returned.
  }
  if (walk.issues.length > 0) return walk.issues;
  const isKnown = walk.deepest.length > 0;
  return [{ message: isKnown ? "doesn't fit its schema" : "doesn't fit the topic's schema", path: walk.deepest }];
}

/** Explain which keywords a value breaks, of those that hold no schemas. */
export function explainLeaves(schemas: Schemas, schema: Schema, value: unknown): readonly Issue[] {
  const walk = new Walk(schemas);
  walk.leaves({ uri: "", tokens: [JSON.stringify(schema)], base: "", schema }, value, []);
  return walk.issues;
}

class Walk {
  issues: Issue[] = [];
  /** The path of the innermost value that is known to break its schema. */
  deepest: Path = [];
  readonly #schemas: Schemas;
  #until = performance.now() + MAX_MILLISECONDS;
  #compiling = MAX_COMPILING_MILLISECONDS;
  #count = 0;
  #isTrying = false;
  readonly #running = new Set<string>();

  constructor(schemas: Schemas) {
    this.#schemas = schemas;
  }

  visit(place: Place, value: unknown, path: Path, depth: number): void {
    if (depth > MAX_DEPTH || this.issues.length >= MAX_ISSUES) return;
    const step = JSON.stringify([refOf(place), path]);
    if (this.#running.has(step)) {
      // In a ring of schemas, the first visit adds the issues.
      this.#count += 1;
      return;
    }
    this.#running.add(step);
    try {
      this.#visit(place, value, path, depth);
    } finally {
      this.#running.delete(step);
    }
  }

  #visit(place: Place, value: unknown, path: Path, depth: number): void {
    const before = this.#count;
    const { schema } = place;
    if (!this.#isTrying && path.length > this.deepest.length) this.deepest = path;
    if (schema === false) return this.#add(path, "must not be given");
    if (!isObject(schema)) return;
    if ("$ref" in schema && this.#schemas.unions.hidesSiblings) {
      this.#follow(place, "$ref", value, path, depth);
    } else {
      this.leaves(place, value, path);
      if (isObject(value)) this.#object(place, value, path, depth);
      else if (Array.isArray(value)) this.#array(place, value, path, depth);
      this.#applicators(place, value, path, depth);
    }
    if (this.#count === before) this.#unevaluated(place, value, path);
  }

  /** Add the issues of keywords that hold no schemas; a wrong type is the only one. */
  leaves(place: Place, value: unknown, path: Path): void {
    const schema = place.schema as Schema;
    for (const keyword of LEAVES) {
      if (!(keyword in schema) || this.#obeys(place, keyword, value)) continue;
      this.#add(path, leafReason(keyword, schema, value, this.#schemas.formats));
      if (["type", "enum", "const"].includes(keyword)) return;
    }
  }

  #obeys(place: Place, keyword: string, value: unknown): boolean {
    const schema = place.schema as Schema;
    if (typeof schema[keyword] === "boolean" && keyword.startsWith("exclusive")) return true;
    // In draft 4 and before, it is a part of the limit.
    const exclusive = `exclusiveM${keyword.slice(1)}`;
    const sibling = typeof schema[exclusive] === "boolean" ? { [exclusive]: schema[exclusive] } : {};
    return this.#passes(this.#part(place, keyword, { [keyword]: schema[keyword], ...sibling }), value);
  }

  #fits(place: Place, value: unknown): boolean {
    return this.#passes(this.#whole(place), value);
  }

  #passes(check: Check, value: unknown): boolean {
    if (performance.now() > this.#until) throw new Error("it takes too long");
    return Boolean(check(value));
  }

  #whole(place: Place): Check {
    return this.#part(place, "", { $ref: refOf(place) });
  }

  #part(place: Place, keyword: string, schema: Schema): Check {
    const { checks, compile } = this.#schemas;
    const key = `${keyword} ${refOf(place)}`;
    const known = checks.get(key);
    if (known !== undefined) return known;
    const started = performance.now();
    const check = typeof place.schema === "boolean" && keyword === "" ? () => place.schema : compile(schema);
    checks.set(key, check);
    const taken = Math.min(performance.now() - started, this.#compiling);
    this.#compiling -= taken;
    this.#until += taken;
    return check;
  }

  #add(path: Path, message: string): void {
    this.#count += 1;
    const isKnown = this.issues.some((issue) => issue.message === message && isSame(issue.path, path));
    if (!isKnown) this.issues.push({ message, path });
  }

  #follow(place: Place, keyword: string, value: unknown, path: Path, depth: number): void {
    const target = this.#schemas.places.find(String((place.schema as Schema)[keyword]), place.base);
    if (target !== undefined && !this.#fits(target, value)) this.visit(target, value, path, depth + 1);
  }

  #descend(place: Place, tokens: ReadonlyArray<string | number>, value: unknown, path: Path, depth: number): void {
    const child = childOf(place, ...tokens);
    if (this.issues.length < MAX_ISSUES && !this.#fits(child, value)) this.visit(child, value, path, depth + 1);
  }

  #object(place: Place, value: Schema, path: Path, depth: number): void {
    const schema = place.schema as Schema;
    const properties = mapOf(schema["properties"]);
    for (const name of listOf(schema["required"])) {
      if (!Object.hasOwn(value, String(name))) this.#add([...path, String(name)], "is required");
    }
    this.#dependent(place, value, path, depth);
    for (const name of Object.keys(properties)) {
      if (Object.hasOwn(value, name)) this.#descend(place, ["properties", name], value[name], [...path, name], depth);
    }
    const others = new Set(Object.keys(value).filter((key) => !Object.hasOwn(properties, key)));
    for (const pattern of Object.keys(mapOf(schema["patternProperties"]))) {
      const keyFits = this.#part(place, `patternProperties ${pattern}`, { pattern });
      for (const key of Object.keys(value).filter((key) => this.#passes(keyFits, key))) {
        others.delete(key);
        this.#descend(place, ["patternProperties", pattern], value[key], [...path, key], depth);
      }
    }
    if ("propertyNames" in schema) this.#names(childOf(place, "propertyNames"), value, path, depth);
    if (schema["additionalProperties"] === false) {
      for (const key of [...others].slice(0, MAX_ISSUES)) this.#add([...path, key], "is not declared");
    } else if ("additionalProperties" in schema) {
      for (const key of others) this.#descend(place, ["additionalProperties"], value[key], [...path, key], depth);
    }
  }

  #names(names: Place, value: Schema, path: Path, depth: number): void {
    for (const key of Object.keys(value)) {
      if (this.#fits(names, key)) continue;
      const [first] = this.#branch(names, key, [], depth);
      if (first !== undefined) this.#add([...path, key], `the key ${first.message}`);
    }
  }

  #dependent(place: Place, value: Schema, path: Path, depth: number): void {
    for (const keyword of ["dependentRequired", "dependentSchemas", "dependencies"]) {
      for (const [name, dependent] of Object.entries(mapOf((place.schema as Schema)[keyword]))) {
        if (!Object.hasOwn(value, name)) continue;
        if (!Array.isArray(dependent)) this.#descend(place, [keyword, name], value, path, depth);
        for (const other of listOf(dependent).map(String)) {
          if (!Object.hasOwn(value, other)) this.#add([...path, other], `is required beside '${name}'`);
        }
      }
    }
  }

  #array(place: Place, value: readonly unknown[], path: Path, depth: number): void {
    const schema = place.schema as Schema;
    const first = "prefixItems" in schema ? "prefixItems" : "items";
    const heads = listOf(schema[first]);
    const rest = Array.isArray(schema["items"]) ? "additionalItems" : "items";
    for (const [index, item] of value.slice(0, heads.length).entries()) {
      this.#descend(place, [first, index], item, [...path, index], depth);
    }
    if (rest in schema && !Array.isArray(schema[rest])) {
      const child = childOf(place, rest);
      const check = this.#whole(child);
      for (let index = heads.length; index < value.length && this.issues.length < MAX_ISSUES; index += 1) {
        if (!this.#passes(check, value[index])) this.visit(child, value[index], [...path, index], depth + 1);
      }
    }
    if ("contains" in schema) {
      const wanted = this.#whole(childOf(place, "contains"));
      const count = value.filter((item) => this.#passes(wanted, item)).length;
      const [least, most] = [Number(schema["minContains"] ?? 1), Number(schema["maxContains"] ?? Infinity)];
      if (count < least) this.#add(path, `must have at least ${least} item(s) that fit its \`contains\``);
      else if (count > most) this.#add(path, `must have at most ${most} item(s) that fit its \`contains\``);
    }
  }

  #applicators(place: Place, value: unknown, path: Path, depth: number): void {
    const schema = place.schema as Schema;
    for (const keyword of REFERENCES) {
      if (keyword in schema) this.#follow(place, keyword, value, path, depth);
    }
    for (const index of listOf(schema["allOf"]).keys()) this.#descend(place, ["allOf", index], value, path, depth);
    for (const keyword of ["anyOf", "oneOf"]) {
      if (keyword in schema) this.#union(place, keyword, value, path, depth);
    }
    if ("not" in schema && this.#fits(childOf(place, "not"), value)) {
      this.#add(path, "must not fit what its `not` describes");
    }
    if ("if" in schema) {
      const taken = this.#fits(childOf(place, "if"), value) ? "then" : "else";
      if (taken in schema) this.#descend(place, [taken], value, path, depth);
    }
  }

  #union(place: Place, keyword: string, value: unknown, path: Path, depth: number): void {
    const { unions } = this.#schemas;
    const { left, misfit } = unions.narrowed(unions.branches(place, keyword), value);
    if (misfit !== undefined) {
      const { message, property } = misfit;
      return this.#add(property === undefined ? path : [...path, property], message);
    }
    const [only] = left;
    if (only !== undefined && left.length === 1) {
      if (!this.#fits(only.place, value)) this.visit(only.place, value, path, depth + 1);
      return;
    }
    const forms = listOf((place.schema as Schema)[keyword]).map((_, index) => ({
      $ref: refOf(childOf(place, keyword, index)),
    }));
    if (this.#passes(this.#part(place, keyword, { [keyword]: forms }), value)) return;
    if (keyword === "oneOf" && this.#passes(this.#part(place, "any of oneOf", { anyOf: forms }), value)) {
      return this.#add(path, "must fit exactly one of the allowed forms, and fits several");
    }
    for (const { message, path: at } of this.#closest(left, value, path, depth)) this.#add(at, message);
  }

  /** Return the issues of the closest branch: the one with the fewest, preferring those inside the value. */
  #closest(branches: readonly Branch[], value: unknown, path: Path, depth: number): readonly Issue[] {
    let tried = branches;
    if (branches.length > MAX_TRIED && isObject(value)) {
      tried = [...branches].sort((first, second) => countKnown(second, value) - countKnown(first, value));
    }
    let best: readonly Issue[] = [];
    let least = Infinity;
    for (const { place } of tried.slice(0, MAX_TRIED)) {
      const issues = this.#branch(place, value, path, depth);
      // If all issues are inside the value, its own keywords fit this branch.
      const isOutside = issues.some((issue) => issue.path.length === path.length);
      const rank = issues.length + (isOutside ? 10 * MAX_ISSUES : 0);
      if (issues.length > 0 && rank < least) [best, least] = [issues, rank];
    }
    return best.length > 0 ? best : [{ message: "must fit one of the allowed forms", path }];
  }

  /** Return the issues of one branch, without adding them. */
  #branch(place: Place, value: unknown, path: Path, depth: number): readonly Issue[] {
    const [issues, isTrying] = [this.issues, this.#isTrying];
    this.issues = [];
    this.#isTrying = true;
    try {
      this.visit(place, value, path, depth + 1);
      return this.issues;
    } finally {
      this.issues = issues;
      this.#isTrying = isTrying;
    }
  }

  /** Add the keys or items that only `unevaluated…` refuses: all other keywords fit. */
  #unevaluated(place: Place, value: unknown, path: Path): void {
    const check = this.#whole(place);
    let rest: unknown = value;
    for (let count = 0; count < MAX_UNDECLARED && !this.#passes(check, rest); count += 1) {
      const fault = check.errors?.[check.errors.length - 1];
      // If unevaluated properties must fit a schema, the fault is inside the property.
      const inside = "unevaluatedProperties" in (place.schema as Schema) ? fault?.instancePath.split("/")[1] : undefined;
      const key = fault?.params["unevaluatedProperty"] ?? inside?.replace(/~1/g, "/").replace(/~0/g, "~");
      if (typeof key !== "string" || !isObject(rest) || !Object.hasOwn(rest, key)) break;
      this.#add([...path, key], "is not declared");
      rest = Object.fromEntries(Object.entries(rest).filter(([name]) => name !== key));
    }
    if (rest !== value || this.#passes(check, value)) return;
    const hasMore = check.errors?.some((fault) => fault.keyword === "unevaluatedItems");
    this.#add(path, hasMore ? "has more items than the schema describes" : "doesn't fit its schema");
  }
}

function isSame(first: Path, second: Path): boolean {
  return first.length === second.length && first.every((part, index) => part === second[index]);
}
