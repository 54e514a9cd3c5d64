import { childOf, isObject, listOf, mapOf, type Place, refOf, type Schema } from "./_places";
import type { Branch, Unions } from "./_unions";

const MAX_CLASSES = 2_000;

/** Takes what no schema declares out of values: what a publisher of another version added. */
export class Undeclared {
  readonly #unions: Unions;
  readonly #regExp: (pattern: string) => RegExp;
  readonly #patterns = new Map<string, RegExp>();
  readonly #known = new Map<string, Branch[]>();

  constructor(unions: Unions, regExp: (pattern: string) => RegExp) {
    this.#unions = unions;
    this.#regExp = regExp;
  }

  /**
   * A copy of a value without undeclared properties; the value itself if there are none.
   *
   * A property goes only if no class at its place declares it. With `spareOpen` it stays where an open class beside a
   * closed one might have taken it.
   */
  without(value: unknown, place: Place, spareOpen: boolean): unknown {
    return this.#pruned(value, [place], spareOpen);
  }

  #pruned(value: unknown, places: readonly Place[], spareOpen: boolean): unknown {
    if (Array.isArray(value)) {
      const classes = this.#classes(places);
      const items = value.map((item, index) => {
        const inner = classes.flatMap(({ parts }) => parts.flatMap((part) => itemPlaces(part, index)));
        return inner.length > 0 ? this.#pruned(item, inner, spareOpen) : item;
      });
      return items.some((item, index) => item !== value[index]) ? items : value;
    }
    if (!isObject(value)) return value;
    const classes = this.#unions.narrowed(this.#classes(places), value).left;
    const closed = classes.filter(isClosed).length;
    const drops = closed > 0 && !(closed < classes.length && spareOpen);
    let isChanged = false;
    const kept: [string, unknown][] = [];
    for (const [key, item] of Object.entries(value)) {
      const inner = classes.flatMap(({ parts }) => parts.flatMap((part) => this.#propertyPlaces(part, key)));
      if (inner.length === 0 && drops) {
        isChanged = true;
        continue;
      }
      const rest = inner.length === 0 ? item : this.#pruned(item, inner, spareOpen);
      isChanged ||= rest !== item;
      kept.push([key, rest]);
    }
    return isChanged ? Object.fromEntries(kept) : value;
  }

  /** What a value at some places can be: each with all the schemas that describe it then. */
  #classes(places: readonly Place[]): readonly Branch[] {
    const [only] = places;
    if (only !== undefined && places.length === 1) return this.#classesOf(only);
    const distinct = new Map(places.map((place) => [refOf(place), place]));
    return [...distinct.values()].flatMap((place) => this.#classesOf(place));
  }

  #classesOf(place: Place): Branch[] {
    const ref = refOf(place);
    const known = this.#known.get(ref);
    if (known !== undefined) return known;
    const found: Branch[] = [];
    this.#known.set(ref, found);
    const parts = this.#unions.parts(place);
    // What applies under conditions declares properties too.
    for (const part of [...parts]) parts.push(...conditional(part).flatMap((inner) => this.#unions.parts(inner)));
    const forms = parts.flatMap((part) => [
      ...("anyOf" in (part.schema as Schema) ? this.#unions.branches(part, "anyOf") : []),
      ...("oneOf" in (part.schema as Schema) ? this.#unions.branches(part, "oneOf") : []),
    ]);
    for (const form of forms) {
      for (const inner of this.#classesOf(form.place)) {
        if (found.length < MAX_CLASSES) found.push({ place: inner.place, parts: [...parts, ...inner.parts] });
      }
    }
    if (forms.length === 0) found.push({ place, parts });
    return found;
  }

  #matches(pattern: string, key: string): boolean {
    const known = this.#patterns.get(pattern) ?? this.#regExp(pattern);
    this.#patterns.set(pattern, known);
    return known.test(key);
  }

  #propertyPlaces(part: Place, key: string): Place[] {
    const schema = part.schema as Schema;
    const found = Object.hasOwn(mapOf(schema["properties"]), key) ? [childOf(part, "properties", key)] : [];
    for (const pattern of Object.keys(mapOf(schema["patternProperties"]))) {
      if (this.#matches(pattern, key)) found.push(childOf(part, "patternProperties", pattern));
    }
    for (const keyword of ["additionalProperties", "unevaluatedProperties"]) {
      if (found.length === 0 && isObject(schema[keyword])) found.push(childOf(part, keyword));
    }
    return found;
  }
}

function isClosed({ parts }: Branch): boolean {
  return parts.some(({ schema }) => {
    const { additionalProperties, unevaluatedProperties } = schema as Schema;
    return additionalProperties === false || unevaluatedProperties === false;
  });
}

/** The schemas that apply to the value itself under conditions. */
function conditional(part: Place): Place[] {
  const schema = part.schema as Schema;
  const found = ["if", "then", "else"].flatMap((keyword) => (isObject(schema[keyword]) ? [childOf(part, keyword)] : []));
  for (const keyword of ["dependentSchemas", "dependencies"]) {
    for (const [name, asked] of Object.entries(mapOf(schema[keyword]))) {
      if (isObject(asked)) found.push(childOf(part, keyword, name));
    }
  }
  return found;
}

function itemPlaces(part: Place, index: number): Place[] {
  const schema = part.schema as Schema;
  const first = "prefixItems" in schema ? "prefixItems" : "items";
  if (index < listOf(schema[first]).length) return [childOf(part, first, index)];
  const rest = Array.isArray(schema["items"]) ? "additionalItems" : "items";
  return isObject(schema[rest]) ? [childOf(part, rest)] : [];
}
