import { XeniooInboxError } from '../xenioo.errors.js';

/** Returns true for an error that may be temporary. */
export function isOutage(error: unknown): boolean {
  if (error instanceof XeniooInboxError) return false;
  const code = String((error as { code?: unknown }).code);
  // SQLSTATE classes 08 (connection), 53 (resources) and 57 (shutdown, startup), or a network error such as ECONNREFUSED.
  return !/^[0-9A-Z]{5}$/.test(code) || /^(08|53|57)|^E[A-Z]+$/.test(code);
}
