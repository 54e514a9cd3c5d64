/** A fault as Ajv reports it. */
export type Fault = {
  instancePath: string;
  keyword: string;
  message?: string;
  params: { [key: string]: unknown };
  parentSchema?: Schema;
};
type Schema = { [keyword: string]: unknown };

/** The property that a closed schema doesn't declare, if that is the fault. */
export function extraOf(fault: Fault): string | undefined {
  const extra = fault.params["additionalProperty"] ?? fault.params["unevaluatedProperty"];
  return typeof extra === "string" ? extra : undefined;
}

/** A copy of a value without the properties that no schema declares; the value itself if there are none. */
export function withoutUndeclared(value: unknown, faults: ReadonlyArray<Fault>): unknown {
  const faulty = new Set<string>();
  for (const fault of faults) for (const pointer of prefixes(fault.instancePath)) faulty.add(pointer);
  const declaring = declaringSchemas(faults);
  const gone = new Map<string, Set<string>>();
  const onTheWay = new Set<string>();
  for (const fault of faults) {
    const extra = extraOf(fault);
    // What another schema at that place, such as another branch of a union, finds fault with or has among its
    // properties is declared.
    if (extra === undefined || faulty.has(below(fault.instancePath, extra))) continue;
    if (declaring.get(fault.instancePath)?.some((properties) => Object.hasOwn(properties, extra))) continue;
    const names = gone.get(fault.instancePath) ?? new Set();
    gone.set(fault.instancePath, names.add(extra));
    for (const pointer of prefixes(fault.instancePath)) onTheWay.add(pointer);
  }
  const pruned = (inner: unknown, pointer: string): unknown => {
    if (typeof inner !== "object" || inner === null || !onTheWay.has(pointer)) return inner;
    if (Array.isArray(inner)) return inner.map((item, index) => pruned(item, below(pointer, String(index))));
    const names = gone.get(pointer);
    const kept = Object.entries(inner).filter(([name]) => names === undefined || !names.has(name));
    return Object.fromEntries(kept.map(([name, item]) => [name, pruned(item, below(pointer, name))]));
  };
  return gone.size === 0 ? value : pruned(value, "");
}

/**
 * The properties of the schemas that an object was held against, by place, as far as the faults show them. Left out are
 * classes that the object is none of, since a tag, a property of all of them, has another value.
 */
function declaringSchemas(faults: ReadonlyArray<Fault>): Map<string, object[]> {
  const extras = new Set<string>();
  for (const fault of faults) {
    const extra = extraOf(fault);
    if (extra !== undefined) extras.add(below(fault.instancePath, extra));
  }
  const tags = new Map<unknown, string>();
  for (const { keyword, parentSchema, instancePath } of faults) {
    if (keyword === "const" || keyword === "enum") tags.set(parentSchema, instancePath);
  }
  const found = new Map<string, Set<object>>();
  for (const { instancePath, parentSchema } of faults) {
    const properties = parentSchema?.["properties"];
    if (typeof properties !== "object" || properties === null) continue;
    const others = Object.entries(properties).some(([name, schema]) => {
      const pointer = below(instancePath, name);
      return tags.get(schema) === pointer && !extras.has(pointer);
    });
    if (!others) found.set(instancePath, (found.get(instancePath) ?? new Set()).add(properties));
  }
  return new Map([...found].map(([pointer, schemas]) => [pointer, [...schemas]]));
}

function below(pointer: string, name: string): string {
  return `${pointer}/${name.replace(/~/g, "~0").replace(/\//g, "~1")}`;
}

/** A pointer and all that lead to it. */
function prefixes(pointer: string): string[] {
  const parts = pointer.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
