import { canonical } from "./_keywords";
import { childOf, isObject, listOf, mapOf, type Place, type Places, refOf, type Schema } from "./_places";
import { hasType, oneOf, typeReason } from "./_reasons";

const MAX_PARTS = 50;

/** Keywords that may stand beside a union without restricting it. */
const TRANSPARENT: ReadonlySet<string> = new Set([
  ...["$anchor", "$defs", "$id", "$ref", "$schema", "allOf", "definitions", "id"],
]);

/** One branch of a union, with all schemas that apply to the value itself: through references and `allOf`. */
export type Branch = { readonly place: Place; readonly parts: readonly Place[]; pins?: Pins };
type Pins = Map<string, readonly unknown[]>;

/** The reason that no branch is left: at the value, or at one of its properties. */
export type Misfit = { readonly message: string; readonly property?: string };

/** Chooses branches of unions by their schemas, as one draft reads them. */
export class Unions {
  readonly #places: Places;
  readonly #known = new Map<string, Branch[]>();
  readonly hidesSiblings: boolean;

  constructor(places: Places, draft: number) {
    this.#places = places;
    this.hidesSiblings = draft <= 7;
  }

  /** Return the branches of a union. A branch that is only a union itself is replaced by its branches. */
  branches(place: Place, keyword: string): Branch[] {
    const key = `${keyword} ${refOf(place)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const branches: Branch[] = [];
    this.#known.set(key, branches);
    const stack = this.#forms(place, keyword);
    const seen = new Set<string>();
    for (let form = stack.pop(); form !== undefined; form = stack.pop()) {
      const branch = { place: form, parts: this.parts(form) };
      const union = onlyUnion(branch);
      if (union !== undefined && !seen.has(refOf(union[0]))) {
        seen.add(refOf(union[0]));
        stack.push(...this.#forms(...union));
      } else {
        branches.push(branch);
      }
    }
    return branches;
  }

  /** Return the branches that a value may fit, by its type and its tags; with the reason if there is none. */
  narrowed(branches: readonly Branch[], value: unknown): { left: readonly Branch[]; misfit?: Misfit } {
    let left = branches.filter(({ parts }) => parts.every(({ schema }) => fitsType(schema as Schema, value)));
    if (left.length === 0) {
      const types = branches.flatMap((branch) => {
        const stated = branch.parts.map((part) => (part.schema as Schema)["type"]);
        return stated.find((type) => type !== undefined) ?? [];
      });
      return { left, misfit: { message: typeReason(types, value) } };
    }
    if (!isObject(value)) {
      const literals = left.map(({ parts }) => parts.flatMap((part) => literalsOf(part.schema)));
      if (left.length < 2 || !literals.every((own) => own.length > 0)) return { left };
      left = left.filter((_, index) => isAmong(value, literals[index] ?? []));
      return left.length > 0 ? { left } : { left, misfit: { message: oneOf(distinct(literals)) } };
    }
    const tried = new Set<string>();
    for (let tag = this.#tag(left, tried); left.length > 1 && tag !== undefined; tag = this.#tag(left, tried)) {
      const [name, pinned] = tag;
      tried.add(name);
      const isGiven = Object.hasOwn(value, name);
      left = left.filter((branch, index) => {
        const own = pinned[index] ?? [];
        return own.length === 0 || (isGiven ? isAmong(value[name], own) : !requires(branch, name));
      });
      if (left.length === 0) {
        const message = oneOf(distinct(pinned));
        return { left, misfit: { message: isGiven ? message : `is required (${message})`, property: name } };
      }
    }
    return { left };
  }

  /** Return the schemas that apply to the value itself: through references and `allOf`. */
  parts(branch: Place): Place[] {
    const parts: Place[] = [];
    const stack = [branch];
    const seen = new Set<string>();
    for (let place = stack.pop(); place !== undefined && seen.size < MAX_PARTS; place = stack.pop()) {
      const { base, schema } = place;
      const ref = refOf(place);
      if (seen.has(ref) || !isObject(schema)) continue;
      seen.add(ref);
      const reference = schema["$ref"] ?? schema["tightbeam-ring"];
      if (typeof reference !== "string" || !this.hidesSiblings) {
        parts.push(place);
        stack.push(...this.#forms(place, "allOf"));
      }
      const target = typeof reference === "string" ? this.#places.find(reference, base) : undefined;
      if (target !== undefined) stack.push(target);
    }
    return parts;
  }

  #forms(place: Place, keyword: string): Place[] {
    const forms = listOf((place.schema as Schema)[keyword]);
    return forms.map((_, index) => childOf(place, keyword, index)).reverse();
  }

  /** Find the tag: the property that most branches pin to values that no other group of branches shares. */
  #tag(branches: readonly Branch[], tried: ReadonlySet<string>): [name: string, pinned: (readonly unknown[])[]] | undefined {
    const pins = branches.map((branch) => this.#pins(branch));
    let tag: [string, (readonly unknown[])[]] | undefined;
    let most = 1;
    for (const name of new Set(pins.flatMap((own) => [...own.keys()]))) {
      if (tried.has(name)) continue;
      const pinned = pins.map((own) => own.get(name) ?? []);
      const count = pinned.filter((own) => own.length > 0).length;
      if (count <= most) continue;
      const groups = new Map(pinned.filter((own) => own.length > 0).map((own) => [textsOf(own).sort().join(), own]));
      const sizes = [...groups.values()].map((own) => new Set(textsOf(own)).size);
      const all = new Set([...groups.values()].flatMap(textsOf));
      if (groups.size > 1 && sizes.reduce((sum, size) => sum + size, 0) === all.size) {
        tag = [name, pinned];
        most = count;
      }
    }
    return tag;
  }

  /** Return the properties that a branch pins to certain values, with these values. */
  #pins(branch: Branch): Pins {
    if (branch.pins !== undefined) return branch.pins;
    // Stored before it is complete, so that a branch that contains itself ends.
    const pins: Pins = new Map();
    branch.pins = pins;
    for (const part of branch.parts) {
      const schema = part.schema as Schema;
      for (const [name, property] of Object.entries(mapOf(schema["properties"]))) {
        const isCompound = isObject(property) && ("$ref" in property || "allOf" in property);
        const pinning = isCompound ? this.parts(childOf(part, "properties", name)) : [{ schema: property }];
        const literals = pinning.map((each) => literalsOf(each.schema)).find((own) => own.length > 0);
        if (literals !== undefined && !pins.has(name)) pins.set(name, literals);
      }
    }
    for (const part of branch.parts) {
      for (const keyword of ["anyOf", "oneOf"]) {
        if (!(keyword in (part.schema as Schema))) continue;
        const [first, ...others] = this.branches(part, keyword).map((inner) => this.#pins(inner));
        for (const [name, literals] of first ?? []) {
          const every = others.flatMap((own) => (own.has(name) ? [own.get(name) ?? []] : []));
          if (!pins.has(name) && every.length === others.length) pins.set(name, distinct([literals, ...every]));
        }
      }
    }
    return pins;
  }
}

/** Count the properties of an object that a branch declares. */
export function countKnown(branch: Branch, value: Schema): number {
  const declared = branch.parts.map((part) => mapOf((part.schema as Schema)["properties"]));
  return Object.keys(value).filter((name) => declared.some((names) => Object.hasOwn(names, name))).length;
}

/** Return the union that a branch consists of, if it has no other restriction. */
function onlyUnion(branch: Branch): [place: Place, keyword: string] | undefined {
  const restrictions = branch.parts.flatMap((part) =>
    Object.keys(part.schema as Schema).flatMap((keyword): [Place, string][] =>
      TRANSPARENT.has(keyword) ? [] : [[part, keyword]],
    ),
  );
  const [only] = restrictions;
  return restrictions.length === 1 && (only?.[1] === "anyOf" || only?.[1] === "oneOf") ? only : undefined;
}

function fitsType(schema: Schema, value: unknown): boolean {
  return !("type" in schema) || hasType(schema["type"], value);
}

function requires(branch: Branch, name: string): boolean {
  return branch.parts.some((part) => listOf((part.schema as Schema)["required"]).includes(name));
}

function literalsOf(schema: unknown): readonly unknown[] {
  if (!isObject(schema)) return [];
  return "const" in schema ? [schema["const"]] : listOf(schema["enum"]);
}

function distinct(literals: ReadonlyArray<readonly unknown[]>): unknown[] {
  return [...new Map(literals.flat().map((literal) => [canonical(literal), literal])).values()];
}

function isAmong(value: unknown, literals: readonly unknown[]): boolean {
  const text = canonical(value);
  return literals.some((literal) => canonical(literal) === text);
}

function textsOf(values: readonly unknown[]): string[] {
  return values.map((value) => canonical(value));
}
