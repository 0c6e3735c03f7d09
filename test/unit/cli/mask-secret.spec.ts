import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  MASK,
  maskSecret,
  maskSecretWithin,
} from '../../../lib/cli/mask-secret.js';

describe('maskSecret()', () => {
  it('masks every occurrence of the secret', () => {
    expect(maskSecret('s3cret, and Bearer s3cret', 's3cret')).toBe(
      `${MASK}, and Bearer ${MASK}`,
    );
  });

  it('masks the secret in its JSON form', () => {
    const secret = 'a"b\\c';

    expect(maskSecret(JSON.stringify({ sent: secret }), secret)).toBe(
      `{"sent":"${MASK}"}`,
    );
  });

  it('returns the text unchanged without a secret', () => {
    expect(maskSecret('text', undefined)).toBe('text');
    expect(maskSecret('text', '')).toBe('text');
  });

  it('masks the secret in any text', () => {
    const secrets = fc
      .string({ minLength: 1 })
      .filter(secret => !MASK.includes(secret) && !secret.includes('*'));
    fc.assert(
      fc.property(
        fc.string(),
        secrets,
        fc.string(),
        (before, secret, after) => {
          const masked = maskSecret(before + secret + after, secret);
          expect(masked.includes(secret)).toBe(false);
        },
      ),
    );
  });
});

it('maskSecretWithin() masks the texts of a value and keeps the rest', () => {
  const value = { a: 'the s3cret', b: [1, null, { c: 's3cret' }] };

  expect(maskSecretWithin(value, 's3cret')).toEqual({
    a: `the ${MASK}`,
    b: [1, null, { c: MASK }],
  });
});
