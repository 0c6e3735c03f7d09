import { describe, expect, it } from 'vitest';
import { missingEngine, type EngineName } from './find-engines.js';

/** A suite that needs an engine: where it is missing it is skipped with a word, but in CI it fails. */
export function describeEngine(
  engine: EngineName,
  name: string,
  body: () => void,
): void {
  const missing = missingEngine(engine);
  const isSkipped = missing !== undefined && !process.env['CI'];
  const suite = isSkipped ? describe.skip : describe;
  if (missing === undefined) suite(name, body);
  else suite(`${name} (${missing})`, isSkipped ? body : () => fail(missing));
}

/** One test that fails and says why, in place of those that could not run. */
function fail(missing: string): void {
  it('finds its engine', () => expect.fail(missing));
}
