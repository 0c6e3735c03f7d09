import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatChange } from '../../../../lib/cli/init/format-plan.js';

describe('formatChange()', () => {
  it('shows the lines that differ, and one beside them', () => {
    const before = 'a\nb\nc\n\nd\ne\n';
    const after = 'a\nb\nC\n\nd\nd2\ne\n';

    expect(formatChange({ path: 'x.ts', before, after })).toBe(
      [
        '  change  x.ts',
        '              b',
        '            - c',
        '            + C',
        '',
        '              d',
        '            + d2',
        '              e',
      ].join('\n'),
    );
  });

  it('shows only the added lines of .env, whose other lines may be secrets', () => {
    const before = 'PASSWORD=x';
    const after = 'PASSWORD=x\nA=1\n';

    expect(formatChange({ path: '.env', before, after })).toBe(
      '  change  .env\n            + A=1',
    );
  });

  it('shows added and removed lines that make one text of the other', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 8 })
      .map(lines => lines.map(line => `${line}\n`).join(''));

    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = formatChange({ path: '.env', before, after })
          .split('\n')
          .slice(1)
          .map(line => line.trim());
        const count = (sign: string) =>
          lines.filter(line => line.startsWith(sign)).length;
        expect(after.split('\n').length - before.split('\n').length).toBe(
          count('+') - count('-'),
        );
      }),
    );
  });
});
