import { describe, expect, it } from 'vitest';
import {
  describeAnswer,
  excerptOf,
} from '../../../../lib/cli/doctor/describe-answer.js';

const OPTIONS = {
  url: new URL('http://localhost/hook'),
  secret: 'sesame',
  timeoutMs: 2_500,
  signal: new AbortController().signal,
};

const answer = (outcome: number | string, body = '') =>
  describeAnswer(
    { outcome, body, headers: {}, latencyMs: 1, reusedConnection: false },
    OPTIONS,
  );

describe('an answer', () => {
  it.each([
    [201, '', '201 Created'],
    [599, '', '599'],
    [
      500,
      '{"stack":"Error\\n at x"}',
      '500 Internal Server Error: {"stack":"Error\\n at x"}',
    ],
  ])('is its status and its body: %s', (status, body, expected) => {
    expect(answer(status, body)).toBe(expected);
  });

  it.each([
    ['timeout', 'no answer within 2.5 s'],
    [
      'ECONNREFUSED',
      'the connection was refused: nobody listens there (ECONNREFUSED)',
    ],
    ['CERT_HAS_EXPIRED', 'the certificate has expired (CERT_HAS_EXPIRED)'],
    ['EWHATEVER', 'no answer (EWHATEVER)'],
  ])('that did not come is why: %s', (outcome, expected) => {
    expect(answer(outcome)).toBe(expected);
  });
});

describe('what an endpoint says', () => {
  it('is one line without what steers a terminal', () => {
    expect(excerptOf('a\r\n\tb\u001B]0;title\u0007\u202Ec', 'sesame')).toBe(
      'a b ]0;title c',
    );
  });

  it('is cut to 200 characters, between them', () => {
    const excerpt = excerptOf('x'.repeat(198) + '🎉'.repeat(50), 'sesame');

    expect(excerpt).toBe(`${'x'.repeat(198)}…`);
  });

  it('is masked before it is cut', () => {
    expect(excerptOf(`${'x'.repeat(196)}sesame`, 'sesame')).not.toContain('se');
  });
});
