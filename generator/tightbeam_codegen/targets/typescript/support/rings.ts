/** The part of Ajv that a keyword needs. */
type Ajv = { addKeyword(definition: object): unknown; compile(schema: object): (value: unknown) => unknown };

/**
 * Let schemas refer to each other in a ring that takes no step into the value, such as `{"$ref": "#"}`.
 *
 * The generator puts such a reference into a keyword of its own. While the value is being checked against the schema
 * already, that keyword accepts it; a plain reference would make Ajv recurse without end.
 */
export function useRings(ajv: Ajv): void {
  const checks = new Map<string, (value: unknown) => unknown>();
  const running: [ref: string, value: unknown][] = [];
  const validate = (ref: string, value: unknown): boolean => {
    if (running.some(([other, inner]) => other === ref && Object.is(inner, value))) return true;
    const check = checks.get(ref) ?? ajv.compile({ $ref: ref });
    checks.set(ref, check);
    running.push([ref, value]);
    try {
      return Boolean(check(value));
    } finally {
      running.pop();
    }
  };
  ajv.addKeyword({ keyword: "tightbeam-ring", errors: false, validate });
}
