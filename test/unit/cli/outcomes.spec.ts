import { describe, expect, it } from 'vitest';
import {
  describeOutcome,
  describeSystemError,
  fixFor,
  isSuccess,
} from '../../../lib/cli/outcomes.js';

describe('fixFor()', () => {
  it.each([
    [201, /@HttpCode\(200\)/],
    [204, /Answer 200/],
    [308, /final URL/],
    [400, /`invalid` to "quarantine"/],
    [401, /API Secret of the bot/],
    [403, /global guard/],
    [404, /path/],
    [413, /`bodyLimit`/],
    [418, /Answer 200/],
    [429, /@SkipThrottle\(\)/],
    [500, /log/],
    [503, /inbox is full or down/],
    [599, /log/],
    ['timeout', /answer 200, and handle them afterwards/],
    ['ECONNREFUSED', /Start the app/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /Let's Encrypt/],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /fullchain\.pem/],
    ['CERT_HAS_EXPIRED', /Renew/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /host name/],
    ['EPIPE', /limit/],
    ['HPE_INVALID_CONSTANT', /valid HTTP/],
    ['EWHATEVER', /host, port/],
  ])('returns advice for %s', (outcome, fix) => {
    expect(fixFor(outcome)).toMatch(fix);
  });
});

describe('describeOutcome()', () => {
  it.each([
    [201, '201 Created'],
    ['404', '404 Not Found'],
    [599, '599'],
    ['timeout', 'no answer within 2.5 s'],
    ['ECONNREFUSED', 'connection refused (ECONNREFUSED)'],
    ['CERT_HAS_EXPIRED', 'no answer (CERT_HAS_EXPIRED)'],
  ])('describes %s', (outcome, expected) => {
    expect(describeOutcome(outcome, 2_500)).toBe(expected);
  });

  it('describes a time-out of unknown duration', () => {
    expect(describeOutcome('timeout')).toBe('no answer in time');
  });
});

it.each([
  [
    Object.assign(new Error('x'), { code: 'ENOSPC' }),
    'no space left on device',
  ],
  [Object.assign(new Error('x'), { code: 'EWHATEVER' }), 'EWHATEVER'],
  [new TypeError('x'), 'TypeError'],
])('describeSystemError() describes %s', (error, expected) => {
  expect(describeSystemError(error)).toBe(expected);
});

it.each([
  [200, true],
  ['204', true],
  [302, false],
  ['timeout', false],
])('isSuccess() of %s returns %s', (outcome, expected) => {
  expect(isSuccess(outcome)).toBe(expected);
});
