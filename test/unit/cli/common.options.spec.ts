import { describe, expect, it } from 'vitest';
import {
  resolveEndpoint,
  type EndpointOptions,
} from '../../../lib/cli/common.options.js';
import { recordTerminal } from '../../support/terminal-recorder.js';

const URL = 'http://localhost:3000/xenioo/webhook';

const resolve = (options: EndpointOptions, env: Record<string, string> = {}) =>
  resolveEndpoint(options, recordTerminal(env));

describe('resolveEndpoint()', () => {
  it('reads URL and secret from the options', () => {
    expect(resolve({ url: URL, secret: 's3cret' })).toEqual({
      url: URL,
      secret: 's3cret',
    });
  });

  it('reads them from the environment when the options lack them', () => {
    expect(resolve({}, { XENIOO_URL: URL, XENIOO_SECRET: 'from-env' })).toEqual(
      { url: URL, secret: 'from-env' },
    );
  });

  it('prefers the options over the environment', () => {
    expect(
      resolve(
        { url: 'https://example.org/', secret: 'mine' },
        { XENIOO_URL: URL, XENIOO_SECRET: 'from-env' },
      ),
    ).toEqual({ url: 'https://example.org/', secret: 'mine' });
  });

  it('requires both', () => {
    expect(() => resolve({ secret: 'x' })).toThrow(/^No URL\. Fix: give one/);
    expect(() => resolve({ url: URL })).toThrow(
      /^No secret\. Fix: set XENIOO_SECRET/,
    );
    expect(() => resolve({ url: URL }, { XENIOO_SECRET: '' })).toThrow(
      /^No secret/,
    );
  });

  it.each(['localhost:3000', '/xenioo/webhook', 'ftp://x', 'http://', 'nope'])(
    'rejects the URL %j',
    url => {
      expect(() => resolve({ url, secret: 'x' })).toThrow(/^Invalid URL/);
    },
  );

  it('rejects a URL with a user and a password without showing them', () => {
    const url = 'http://ada:l0velace@localhost';

    expect(() => resolve({ url, secret: 'x' })).toThrow(
      expect.not.objectContaining({
        message: expect.stringMatching(/ada|l0velace/),
      }),
    );
  });
});

describe('resolveEndpoint() with an invalid secret', () => {
  it.each([
    ['Bearer s3cret', /begins with `Bearer`/],
    ['s3cret ', /white space at its ends/],
    ['s3\ncret', /line break/],
    ['s3cret-☃', /invalid in a header/],
  ])('rejects it without showing it: %j', (secret, message) => {
    expect(() => resolve({ url: URL, secret })).toThrow(message);
    expect(() => resolve({ url: URL, secret })).not.toThrow(/s3/);
  });
});
