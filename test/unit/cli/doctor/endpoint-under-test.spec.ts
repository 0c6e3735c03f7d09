import { describe, expect, it } from 'vitest';
import {
  EndpointUnderTest,
  excerptOf,
} from '../../../../lib/cli/doctor/endpoint-under-test.js';

const createEndpoint = () =>
  new EndpointUnderTest({
    url: new URL('http://localhost/hook'),
    secret: 'sesame',
    timeoutMs: 2_500,
    signal: new AbortController().signal,
  });

const ANSWER = { headers: {}, body: '', latencyMs: 1, reusedConnection: false };

describe('EndpointUnderTest.describe()', () => {
  it.each([
    [201, '', '201 Created'],
    [
      500,
      '{"stack":"Error\\n at x"}',
      '500 Internal Server Error: {"stack":"Error\\n at x"}',
    ],
    ['timeout', '', 'no answer within 2.5 s'],
  ])(
    'describes status and body of an answer: %s',
    (outcome, body, expected) => {
      expect(createEndpoint().describe({ ...ANSWER, outcome, body })).toBe(
        expected,
      );
    },
  );

  it('shows the target of a redirect without the secret', () => {
    const headers = { location: 'https://example.com/?key=sesame' };

    expect(
      createEndpoint().describe({ ...ANSWER, outcome: 308, headers }),
    ).toBe('308 Permanent Redirect: https://example.com/?key=********');
  });
});

describe('excerptOf()', () => {
  it('returns one line without control characters', () => {
    expect(excerptOf('a\r\n\tb\u001B]0;title\u0007\u202Ec', 'sesame')).toBe(
      'a b ]0;title c',
    );
  });

  it('truncates a text to 200 characters without splitting one', () => {
    const excerpt = excerptOf('x'.repeat(198) + '🎉'.repeat(50), 'sesame');

    expect(excerpt).toBe(`${'x'.repeat(198)}…`);
  });

  it('masks the secret before truncating', () => {
    expect(excerptOf(`${'x'.repeat(196)}sesame`, 'sesame')).not.toContain('se');
  });
});
