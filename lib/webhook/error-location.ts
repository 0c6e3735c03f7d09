/**
 * Describes an error by its class and its stack frames. Its message is left out:
 * an error that a body caused may quote it. Never throws.
 */
export function errorLocation(error: unknown): string {
  if (!(error instanceof Error)) return 'a value that is no Error';
  const frames = String(error.stack)
    .split('\n')
    .filter(line => line.startsWith('    at '));
  return [error.constructor.name, ...frames].join('\n');
}
