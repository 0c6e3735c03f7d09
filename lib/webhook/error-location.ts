/**
 * Describes an error by its class and stack frames, without its message, which may
 * quote the body of a call. Never throws.
 */
export function errorLocation(error: unknown): string {
  if (!(error instanceof Error))
    return 'a value that is not an Error was thrown';
  const frames = String(error.stack)
    .split('\n')
    .filter(line => line.startsWith('    at '));
  return [error.constructor.name, ...frames].join('\n');
}
