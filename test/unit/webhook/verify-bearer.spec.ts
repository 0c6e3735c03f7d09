import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createKeyring,
  verifyBearer,
} from '../../../lib/webhook/verify-bearer.js';

const SUPPORT = { name: 'support', secrets: ['q7-Sesame', 'q8-Sesame'] };
const SALES = { name: 'sales', secrets: ['Barley-8w'] };
const keyring = createKeyring([SUPPORT, SALES]);

const verify = (authorization?: string) => verifyBearer(authorization, keyring);

describe('verifyBearer() of a configured secret', () => {
  it.each([
    'Bearer q7-Sesame',
    'bearer q7-Sesame',
    'BEARER q7-Sesame',
    'bEaReR q7-Sesame',
    'Bearer   q7-Sesame',
    'q7-Sesame',
    'Bearer q8-Sesame',
    'q8-Sesame',
  ])('accepts %o', authorization => {
    expect(verify(authorization)).toEqual({ bot: SUPPORT });
  });

  it('returns the bot of the secret', () => {
    expect(verify('Bearer Barley-8w')).toEqual({ bot: SALES });
  });

  it('accepts letters of any script, sent as UTF-8 bytes', () => {
    for (const secret of ['Sesame-ключ', 'Sésame-à', '芝麻🔑']) {
      const bot = { name: 'support', secrets: [secret] };
      const ring = createKeyring([bot]);
      const sent = Buffer.from(secret, 'utf8').toString('latin1');

      expect(verifyBearer(`Bearer ${sent}`, ring)).toEqual({ bot });
      expect(verifyBearer(sent, ring)).toEqual({ bot });
      expect(verifyBearer('Bearer Sesame', ring)).toHaveProperty('refusal');
    }
  });

  it('accepts white space inside a secret', () => {
    const bot = { name: 'support', secrets: ['open  Sesame'] };
    const ring = createKeyring([bot]);

    expect(verifyBearer('Bearer open  Sesame', ring)).toEqual({ bot });
    expect(verifyBearer('open  Sesame', ring)).toEqual({ bot });
    expect(verifyBearer('Bearer open Sesame', ring)).toHaveProperty('refusal');
  });
});

describe('verifyBearer() without a secret', () => {
  it.each([undefined, ''])('refuses the call as missing: %o', authorization => {
    expect(verify(authorization)).toEqual({ refusal: 'missing' });
  });

  it.each(['Bearer', 'Bearer ', 'Bearer    ', ' '])(
    'refuses %o',
    authorization => {
      expect(verify(authorization).bot).toBeUndefined();
    },
  );
});

describe('verifyBearer() of a scheme other than Bearer', () => {
  it.each([
    'Basic cTctU2VzYW1lOg==',
    'Basic q7-Sesame',
    'Token q7-Sesame',
    'ApiKey q7-Sesame',
    'Digest username="q7-Sesame"',
    'Bearers q7-Sesame',
  ])('refuses it even with a configured secret: %o', authorization => {
    expect(verify(authorization)).toEqual({ refusal: 'another-scheme' });
  });
});

describe('verifyBearer() of a secret that differs by white space', () => {
  it.each([
    'Bearer q7-Sesame ',
    'Bearer q7-Sesame\n',
    'Bearer\tq7-Sesame',
    'Bearer \tq7-Sesame',
    ' Bearer q7-Sesame',
    'Bearer q7- Sesame',
    'q7-Sesame ',
    ' q7-Sesame',
    'Bearer Bearer q7-Sesame ',
  ])('refuses it: %o', authorization => {
    expect(verify(authorization).bot).toBeUndefined();
  });

  it.each(['Bearer q7-Sesame ', 'q7-Sesame ', 'Bearer\tq7-Sesame'])(
    'gives the white space as the reason: %o',
    authorization => {
      expect(verify(authorization)).toEqual({ refusal: 'white-space' });
    },
  );
});

describe('verifyBearer() of an almost correct secret', () => {
  it.each([
    ['a prefix', 'q7-Sesam'],
    ['a suffix', '7-Sesame'],
    ['one letter more', 'q7-Sesamee'],
    ['one letter before', 'qq7-Sesame'],
    ['another letter', 'q9-Sesame'],
    ['another case', 'Q7-SESAME'],
    ['two secrets', 'q7-Sesameq8-Sesame'],
    ['in quotes', '"q7-Sesame"'],
    ['a NUL behind', 'q7-Sesame\0'],
    ['of an object', '__proto__'],
  ])('refuses it as unknown: %s', (_what, secret) => {
    expect(verify(`Bearer ${secret}`)).toEqual({ refusal: 'unknown-secret' });
    expect(verify(secret)).toEqual({ refusal: 'unknown-secret' });
  });

  it('refuses a list of secrets', () => {
    expect(verify('Bearer q7-Sesame, Barley-8w').bot).toBeUndefined();
    expect(verify('Bearer q7-Sesame,Bearer Barley-8w').bot).toBeUndefined();
  });
});

describe('createKeyring()', () => {
  it('holds no secret in plain text', () => {
    const held = [...keyring.owners.keys()];

    expect(held).toHaveLength(3);
    expect(held.join()).not.toMatch(/sesame|barley/i);
  });

  it('uses another key, and other digests, for each keyring', () => {
    const another = createKeyring([SUPPORT, SALES]);

    expect(another.owners.keys().next()).not.toEqual(
      keyring.owners.keys().next(),
    );
    expect(verifyBearer('Bearer q7-Sesame', another)).toEqual({ bot: SUPPORT });
  });

  it('returns an empty keyring that refuses every call', () => {
    expect(verifyBearer('Bearer x', createKeyring([])).bot).toBeUndefined();
    expect(verifyBearer('Bearer ', createKeyring([])).bot).toBeUndefined();
  });
});

describe('verifyBearer() in constant time', () => {
  const SECRET = 'open-Sesame-0123456789-abcdefghij';
  const bot = { name: 'support', secrets: [SECRET] };
  const { key, owners } = createKeyring([bot]);
  const [filedUnder, { bytes: digest }] = [...owners][0]!;

  /** Returns the digest of a secret under the key of the keyring. */
  const digestOf = (secret: string) => {
    const ring = createKeyring([{ name: '', secrets: [secret] }], key);
    return [...ring.owners.values()][0]!.bytes;
  };

  it('makes the same number of lookups by a digest of fixed length for any secret', () => {
    class RecordingMap extends Map<string, { bytes: Buffer; bot: typeof bot }> {
      readonly lookedUp: string[] = [];

      override get(key: string) {
        this.lookedUp.push(key);
        return super.get(key);
      }
    }

    for (const wrong of [
      'x',
      'x'.repeat(SECRET.length),
      'x'.repeat(8_000),
      `${SECRET.slice(0, -1)}x`,
      SECRET.slice(0, -1),
      `${SECRET}x`,
    ]) {
      const owners = new RecordingMap([[filedUnder, { bytes: digest, bot }]]);
      verifyBearer(`Bearer ${wrong}`, { key, owners });

      expect(owners.lookedUp).toHaveLength(3);
      for (const filed of owners.lookedUp) {
        expect(Buffer.from(filed, 'base64')).toHaveLength(32);
      }
    }
  });

  it('uses digests that do not depend on how much of a secret is correct', () => {
    const sharedBytes = (wrong: string) => {
      const other = digestOf(wrong);
      return digest.findIndex((byte, index) => byte !== other[index]);
    };
    const almostRight = Array.from({ length: 256 }, (_, code) =>
      SECRET.slice(0, -1).concat(String.fromCodePoint(0x100 + code)),
    );

    // Of 256 unrelated digests, about one begins with the same byte.
    expect(almostRight.filter(w => sharedBytes(w) > 0).length).toBeLessThan(20);
    expect(almostRight.filter(w => sharedBytes(w) > 3)).toEqual([]);
  });

  it('compares a found digest up to its last byte', () => {
    const verifyAgainst = (filed: Buffer) =>
      verifyBearer(SECRET, {
        key,
        owners: new Map([[filedUnder, { bytes: filed, bot }]]),
      });
    expect(verifyAgainst(Buffer.from(digest))).toEqual({ bot });

    for (const index of digest.keys()) {
      const tampered = Buffer.from(digest);
      tampered[index]! ^= 1;
      expect(verifyAgainst(tampered).bot).toBeUndefined();
    }
  });
});

describe('verifyBearer() of any header', () => {
  const SECRETS = [...SUPPORT.secrets, ...SALES.secrets];
  const latin1 = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map(c => String.fromCharCode(c)),
    maxLength: 4,
  });
  const scheme = fc.oneof(
    fc.constantFrom('Bearer', 'bearer', 'BEARER', 'Basic', 'Bear', ''),
    fc.mixedCase(fc.constant('bearer')),
  );
  const space = fc.constantFrom(
    '',
    ' ',
    '  ',
    '\t',
    ' \t',
    '\n',
    '\u00A0',
    '=',
  );
  const secret = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...SECRETS) },
    fc.mixedCase(fc.constantFrom(...SECRETS)),
    fc
      .tuple(fc.constantFrom(...SECRETS), fc.nat(9), fc.nat(9))
      .map(([text, from, to]) => text.slice(from, to)),
    latin1,
  );
  const edge = fc.oneof(
    { weight: 4, arbitrary: fc.constant('') },
    fc.constantFrom(' ', '\n', '\0', 'x', ',', 'Bearer '),
  );
  const header = fc
    .tuple(edge, scheme, space, secret, edge)
    .map(parts => parts.join(''));

  /** Accepts `Bearer`, one or more spaces and a secret; or a secret alone. */
  function isRight(text: string): boolean {
    if (SECRETS.includes(text)) return true;
    if (text.slice(0, 7).toLowerCase() !== 'bearer ') return false;
    let secret = text.slice(7);
    while (secret.startsWith(' ')) secret = secret.slice(1);
    return SECRETS.includes(secret);
  }

  it('accepts only the configured secrets', () => {
    let entered = 0;
    fc.assert(
      fc.property(header, text => {
        const { bot, refusal } = verify(text);
        if (bot) entered++;

        expect(bot !== undefined).toBe(isRight(text));
        expect(refusal === undefined).toBe(isRight(text));
      }),
      { numRuns: 10_000 },
    );
    expect(entered).toBeGreaterThan(300);
  });
});
