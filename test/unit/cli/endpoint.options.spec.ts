import { describe, expect, it } from 'vitest';
import {
  resolveEndpoint,
  type EndpointOptions,
} from '../../../lib/cli/endpoint.options.js';
import { recordTerminal } from '../../support/terminal-recorder.js';

const URL = 'http://localhost:3000/xenioo/webhook';

const resolve = (options: EndpointOptions, env: Record<string, string> = {}) =>
  resolveEndpoint(options, recordTerminal(env));

describe('where to send', () => {
  it('comes from the options', () => {
    expect(resolve({ url: URL, secret: 's3cret' })).toEqual({
      url: URL,
      secret: 's3cret',
    });
  });

  it('comes from the environment without them', () => {
    expect(resolve({}, { XENIOO_URL: URL, XENIOO_SECRET: 'from-env' })).toEqual(
      { url: URL, secret: 'from-env' },
    );
  });

  it('comes from the options where both are given', () => {
    expect(
      resolve(
        { url: 'https://example.org/', secret: 'mine' },
        { XENIOO_URL: URL, XENIOO_SECRET: 'from-env' },
      ),
    ).toEqual({ url: 'https://example.org/', secret: 'mine' });
  });

  it('must be given', () => {
    expect(() => resolve({ secret: 'x' })).toThrow(/^No URL: give --url/);
    expect(() => resolve({ url: URL })).toThrow(/^No secret: give --secret/);
    expect(() => resolve({ url: URL }, { XENIOO_SECRET: '' })).toThrow(
      /^No secret/,
    );
  });

  it.each(['localhost:3000', '/xenioo/webhook', 'ftp://x', 'http://', 'nope'])(
    'is not %j',
    url => {
      expect(() => resolve({ url, secret: 'x' })).toThrow(
        /^The URL can not be called/,
      );
    },
  );

  it('holds no user and no password, and does not show them', () => {
    const url = 'http://ada:l0velace@localhost';

    expect(() => resolve({ url, secret: 'x' })).toThrow(
      expect.not.objectContaining({
        message: expect.stringMatching(/ada|l0velace/),
      }),
    );
  });
});

describe('a secret that can not be right', () => {
  it.each([
    ['Bearer s3cret', /begins with `Bearer`/],
    ['s3cret ', /white space at its ends/],
    ['s3\ncret', /line break/],
    ['s3cret-☃', /no header can hold/],
  ])('is refused and not shown: %j', (secret, message) => {
    expect(() => resolve({ url: URL, secret })).toThrow(message);
    expect(() => resolve({ url: URL, secret })).not.toThrow(/s3/);
  });
});
