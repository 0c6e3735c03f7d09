import { describe, expect, it } from 'vitest';
import { missingEngine, type EngineName } from './find-engines.js';

/** Describes a suite that needs an engine. Without the engine it is skipped with the reason in its title; in CI it fails. */
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

/** Adds one failing test with the reason instead of the tests that can't run. */
function fail(missing: string): void {
  it('finds its engine', () => expect.fail(missing));
}
