/** A schema that is an object. */
export type Schema = { readonly [keyword: string]: unknown };

/** One schema among the resources of a bundle. */
export type Place = {
  /** The resource it is in. */
  readonly uri: string;
  /** The tokens of the JSON pointer to it in the resource. */
  readonly tokens: readonly string[];
  /** The base URI of its references. */
  readonly base: string;
  readonly schema: unknown;
};

export function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Return a map of schemas, such as `properties`; an empty one for any other value. */
export function mapOf(value: unknown): Schema {
  return isObject(value) ? value : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Return the schema below another one. */
export function childOf(place: Place, ...tokens: ReadonlyArray<string | number>): Place {
  let { base, schema } = place;
  for (const token of tokens) {
    schema = (schema as Schema)[token];
    base = baseOf(base, schema);
  }
  return { uri: place.uri, tokens: [...place.tokens, ...tokens.map(String)], base, schema };
}

/** Return an absolute reference to a place. */
export function refOf(place: Place): string {
  const pointer = place.tokens.map((token) => `/${encodeURIComponent(pointerToken(token))}`).join("");
  return `${place.uri}#${pointer}`;
}

/** The schemas of a bundle, by reference. */
export class Places {
  readonly #resources: { readonly [uri: string]: unknown };
  #named: Map<string, Place> | undefined;

  constructor(resources: { readonly [uri: string]: unknown }) {
    this.#resources = resources;
  }

  /** Find the schema that a reference leads to. */
  find(ref: string, base = ""): Place | undefined {
    this.#named ??= named(this.#resources);
    const [uri, fragment] = split(joined(base, ref));
    if (fragment !== "" && !fragment.startsWith("/")) return this.#named.get(`${plain(uri)}#${fragment}`);
    let place = this.#named.get(plain(uri));
    for (const token of fragment.split("/").slice(1)) {
      const schema: unknown = place?.schema;
      const key = token.replace(/~1/g, "/").replace(/~0/g, "~");
      if (place === undefined || typeof schema !== "object" || schema === null) return undefined;
      if (!Object.hasOwn(schema, key)) return undefined;
      place = childOf(place, key);
    }
    return place;
  }
}

/** Index resources, embedded ones included, and anchors by absolute URI. */
function named(resources: { readonly [uri: string]: unknown }): Map<string, Place> {
  const index = new Map<string, Place>();
  const stack: Place[] = [];
  for (const [uri, schema] of Object.entries(resources)) {
    const place = { uri, tokens: [], base: baseOf(uri, schema), schema };
    index.set(plain(uri), place);
    stack.push(place);
  }
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    const schema = place.schema as Schema;
    if (isObject(schema)) {
      const names = [schema["$anchor"], schema["$dynamicAnchor"], schema["$id"], schema["id"]];
      const anchors = names.flatMap((name, i) =>
        typeof name === "string" && (i < 2 || name.startsWith("#")) ? [name.replace(/^#/, "")] : [],
      );
      for (const key of [plain(place.base), ...anchors.map((name) => `${plain(place?.base ?? "")}#${name}`)]) {
        if (!index.has(key)) index.set(key, place);
      }
    }
    for (const key of Object.keys(schema)) {
      if (typeof schema[key] === "object" && schema[key] !== null) stack.push(childOf(place, key));
    }
  }
  return index;
}

function baseOf(base: string, schema: unknown): string {
  const name = isObject(schema) ? (schema["$id"] ?? schema["id"]) : undefined;
  return typeof name === "string" && !name.startsWith("#") ? split(joined(base, name))[0] : base;
}

function split(uri: string): [uri: string, fragment: string] {
  const at = uri.indexOf("#");
  return at < 0 ? [uri, ""] : [uri.slice(0, at), decodeURIComponent(uri.slice(at + 1))];
}

function joined(base: string, ref: string): string {
  if (ref.startsWith("#")) return split(base)[0] + ref;
  try {
    return new URL(ref, base).href;
  } catch {
    return ref;
  }
}

/** Normalise a URI as `URL` does, without an empty fragment. */
function plain(uri: string): string {
  return joined(uri, uri).replace(/#$/, "");
}

function pointerToken(name: string): string {
  return name.replace(/~/g, "~0").replace(/\//g, "~1");
}
