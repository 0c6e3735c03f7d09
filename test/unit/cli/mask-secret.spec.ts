import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MASK, maskSecret } from '../../../lib/cli/mask-secret.js';

describe('a text from outside', () => {
  it('loses the secret, wherever it stands', () => {
    expect(maskSecret('s3cret, and Bearer s3cret', 's3cret')).toBe(
      `${MASK}, and Bearer ${MASK}`,
    );
  });

  it('loses it as JSON spells it', () => {
    const secret = 'a"b\\c';

    expect(maskSecret(JSON.stringify({ sent: secret }), secret)).toBe(
      `{"sent":"${MASK}"}`,
    );
  });

  it('stays as it is without a secret', () => {
    expect(maskSecret('text', undefined)).toBe('text');
    expect(maskSecret('text', '')).toBe('text');
  });

  it('never shows a secret, whatever is around it', () => {
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
