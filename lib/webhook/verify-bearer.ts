import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { XeniooRefusal } from '../handlers/xenioo.observers.js';
import type { XeniooBotSettings } from '../options/xenioo.options.js';

/** Secrets of an instance, for {@link verifyBearer}. */
export interface Keyring {
  readonly key: string;
  readonly owners: ReadonlyMap<string, KeyringEntry>;
}

interface KeyringEntry {
  readonly bytes: Buffer;
  readonly bot: XeniooBotSettings;
}

/** A reason why a call is not authenticated. */
export type Refusal = XeniooRefusal['reason'];

/** Result of a verification: the bot whose secret was sent, or the reason for refusing the call. */
export type Verdict =
  | { readonly bot: XeniooBotSettings; readonly refusal?: undefined }
  | { readonly bot?: undefined; readonly refusal: Refusal };

/**
 * Creates a map from the digest of each secret to its bot. The digests are keyed
 * with a random key of this process, so that the time of a look-up reveals nothing
 * about a secret.
 */
export function createKeyring(
  bots: readonly XeniooBotSettings[],
  key: string = randomBytes(32).toString('latin1'),
): Keyring {
  const owners = new Map<string, KeyringEntry>();
  for (const bot of bots) {
    for (const secret of bot.secrets) {
      const digest = digestOf(Buffer.from(secret).toString('latin1'), key);
      owners.set(digest, { bytes: bytesOf(digest), bot });
    }
  }
  return { key, owners };
}

/**
 * Verifies the value of an `Authorization` header: `Bearer <secret>`, the scheme
 * in any case, or the bare secret, as Xenioo's Security paragraph describes it.
 */
export function verifyBearer(
  authorization: string | undefined,
  keyring: Keyring,
): Verdict {
  if (!authorization) return { refusal: 'missing' };
  const bearer = /^bearer +(.*)$/is.exec(authorization)?.[1];
  const bot = ownerOf(bearer ?? '', keyring) ?? ownerOf(authorization, keyring);
  if (bot) return { bot };

  const trimmed = (bearer ?? authorization).replace(/^bearer\s|\s+/gi, '');
  if (ownerOf(trimmed, keyring)) return { refusal: 'white-space' };
  const scheme = /^([\w-]+) +\S/.exec(authorization)?.[1];
  return {
    refusal:
      scheme !== undefined && bearer === undefined
        ? 'another-scheme'
        : 'unknown-secret',
  };
}

function ownerOf(
  secret: string,
  { key, owners }: Keyring,
): XeniooBotSettings | undefined {
  const digest = digestOf(secret, key);
  const entry = owners.get(digest);
  return entry && timingSafeEqual(entry.bytes, bytesOf(digest))
    ? entry.bot
    : undefined;
}

/**
 * Hashes key and secret in a tenth of the time of an HMAC. An HMAC would also prevent
 * length extension, which needs a known digest: these digests never leave the process.
 * @param secret bytes of the secret as Latin-1, as Node.js decodes headers
 */
function digestOf(secret: string, key: string): string {
  return hash('sha256', key + secret, 'base64');
}

function bytesOf(digest: string): Buffer {
  return Buffer.from(digest, 'base64');
}
