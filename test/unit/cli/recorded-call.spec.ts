import { describe, expect, it } from 'vitest';
import { countEntries, formatLine } from '../../../lib/cli/recorded-call.js';

describe('formatLine()', () => {
  it('writes time, content type and body on one line', () => {
    expect(
      formatLine({
        receivedAt: '2024-05-01T12:00:00.000Z',
        contentType: null,
        body: '{"Type":1,\n "n":1.50}',
      }),
    ).toBe(
      '{"receivedAt":"2024-05-01T12:00:00.000Z","contentType":null,"body":"{\\"Type\\":1,\\n \\"n\\":1.50}"}\n',
    );
  });
});

describe('countEntries()', () => {
  it.each([
    ['{}', 1],
    ['[]', 0],
    ['[1,2,3]', 3],
    ['no JSON', 1],
    ['', 1],
  ])('counts the entries of %j', (body, count) => {
    expect(countEntries(body)).toBe(count);
  });
});
