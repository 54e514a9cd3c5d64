import { childOf, isObject, listOf, mapOf, type Place, refOf, type Schema } from "./_places";
import type { Branch, Unions } from "./_unions";

const MAX_CLASSES = 2_000;

/** Removes undeclared properties from values: those that a publisher of another version added. */
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
   * Return a copy of a value without undeclared properties; the value itself if it has none.
   *
   * A property is undeclared if no class at its place declares it. With `spareOpen`, it stays where one of the classes is
   * open, even beside a closed one.
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

  /** Return the classes that a value at these places may be of, each with all its schemas. */
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
    const classes: Branch[] = [];
    this.#known.set(ref, classes);
    const parts = this.#unions.parts(place);
    // Conditional schemas declare properties, too.
    for (const part of [...parts]) parts.push(...conditional(part).flatMap((inner) => this.#unions.parts(inner)));
    const forms = parts.flatMap((part) => [
      ...("anyOf" in (part.schema as Schema) ? this.#unions.branches(part, "anyOf") : []),
      ...("oneOf" in (part.schema as Schema) ? this.#unions.branches(part, "oneOf") : []),
    ]);
    for (const form of forms) {
      for (const inner of this.#classesOf(form.place)) {
        if (classes.length < MAX_CLASSES) classes.push({ place: inner.place, parts: [...parts, ...inner.parts] });
      }
    }
    if (forms.length === 0) classes.push({ place, parts });
    return classes;
  }

  #matches(pattern: string, key: string): boolean {
    const known = this.#patterns.get(pattern) ?? this.#regExp(pattern);
    this.#patterns.set(pattern, known);
    return known.test(key);
  }

  #propertyPlaces(part: Place, key: string): Place[] {
    const schema = part.schema as Schema;
    const places = Object.hasOwn(mapOf(schema["properties"]), key) ? [childOf(part, "properties", key)] : [];
    for (const pattern of Object.keys(mapOf(schema["patternProperties"]))) {
      if (this.#matches(pattern, key)) places.push(childOf(part, "patternProperties", pattern));
    }
    for (const keyword of ["additionalProperties", "unevaluatedProperties"]) {
      if (places.length === 0 && isObject(schema[keyword])) places.push(childOf(part, keyword));
    }
    return places;
  }
}

function isClosed({ parts }: Branch): boolean {
  return parts.some(({ schema }) => {
    const { additionalProperties, unevaluatedProperties } = schema as Schema;
    return additionalProperties === false || unevaluatedProperties === false;
  });
}

/** Return the schemas that apply to the value itself under conditions. */
function conditional(part: Place): Place[] {
  const schema = part.schema as Schema;
  const schemas = ["if", "then", "else"].flatMap((keyword) => (isObject(schema[keyword]) ? [childOf(part, keyword)] : []));
  for (const keyword of ["dependentSchemas", "dependencies"]) {
    for (const [name, dependent] of Object.entries(mapOf(schema[keyword]))) {
      if (isObject(dependent)) schemas.push(childOf(part, keyword, name));
    }
  }
  return schemas;
}

function itemPlaces(part: Place, index: number): Place[] {
  const schema = part.schema as Schema;
  const first = "prefixItems" in schema ? "prefixItems" : "items";
  if (index < listOf(schema[first]).length) return [childOf(part, first, index)];
  const rest = Array.isArray(schema["items"]) ? "additionalItems" : "items";
  return isObject(schema[rest]) ? [childOf(part, rest)] : [];
}
