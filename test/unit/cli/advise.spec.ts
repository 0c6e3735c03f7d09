import { describe, expect, it } from 'vitest';
import { advise } from '../../../lib/cli/advise.js';

describe('what to do about a failed call', () => {
  it.each([
    [201, /@HttpCode\(200\)/],
    [204, /Answer 200, and nothing else/],
    [308, /final URL/],
    [401, /another secret/],
    [404, /path/],
    [413, /`bodyLimit`/],
    [418, /Answer 200/],
    [500, /log/],
    [599, /log/],
    ['timeout', /first, then handle/],
    ['ECONNREFUSED', /is the app running/],
    ['CERT_HAS_EXPIRED', /expired\. Renew/],
    ['EPIPE', /limit/],
    ['HPE_INVALID_CONSTANT', /no HTTP/],
    ['EWHATEVER', /Answer 200/],
  ])('is told for %s', (outcome, advice) => {
    expect(advise(outcome)).toMatch(advice);
  });
});
