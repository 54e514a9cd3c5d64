/** As much of Ajv as a keyword needs. */
type Ajv = { addKeyword(definition: object): unknown; compile(schema: object): (value: unknown) => unknown };

/**
 * Lets schemas refer to each other in a ring that takes them no further into the value.
 *
 * Such a reference stands in a keyword of ours. Where the value is being held against the schema already, it says
 * nothing more; Ajv by itself would never come to an end.
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
