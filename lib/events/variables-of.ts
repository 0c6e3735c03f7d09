import { WIRE_FIELDS } from './wire-fields.js';

const KNOWN_FIELDS = new Set<string>(WIRE_FIELDS);

/** The fields of an entry that are not documented, untouched and frozen. */
export function variablesOf(
  raw: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const variables: Record<string, unknown> = {};
  for (const name of Object.keys(raw)) {
    if (KNOWN_FIELDS.has(name)) continue;
    const value = raw[name];
    // An assignment to `__proto__` would replace the prototype instead, and where
    // the host froze `Object.prototype`, one to any name of it would throw.
    if (name in variables) {
      Object.defineProperty(variables, name, { value, enumerable: true });
    } else {
      variables[name] = value;
    }
  }
  return Object.freeze(variables);
}
