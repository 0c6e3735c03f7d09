import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { XeniooBotSettings } from '../xenioo.options.js';

/** The secrets of an instance, ready to be looked up. */
export interface Keyring {
  readonly key: Buffer;
  readonly owners: ReadonlyMap<string, KeyringEntry>;
}

interface KeyringEntry {
  readonly digest: Buffer;
  readonly bot: XeniooBotSettings;
}

/** What was wrong with a call's secret. */
export type Refusal =
  'missing' | 'another-scheme' | 'unknown-secret' | 'white-space';

/** Whose secret it was, or what was wrong with it. */
export type Verdict =
  | { readonly bot: XeniooBotSettings; readonly refusal?: undefined }
  | { readonly bot?: undefined; readonly refusal: Refusal };

/**
 * Files each secret under its HMAC. The key is random and stays in this process:
 * how long a look-up takes tells nothing about a secret to who does not know it.
 */
export function createKeyring(
  bots: readonly XeniooBotSettings[],
  key: Buffer = randomBytes(32),
): Keyring {
  const owners = new Map<string, KeyringEntry>();
  for (const bot of bots) {
    for (const secret of bot.secrets) {
      const digest = digestOf(Buffer.from(secret), key);
      owners.set(digest.toString('base64'), { digest, bot });
    }
  }
  return { key, owners };
}

/**
 * Judges the value of an `Authorization` header: `Bearer <secret>`, the scheme
 * in any case, or the secret alone, as Xenioo's Security paragraph has it.
 */
export function verifyBearer(
  authorization: string | undefined,
  keyring: Keyring,
): Verdict {
  if (!authorization) return { refusal: 'missing' };
  const bearer = /^bearer +(.*)$/is.exec(authorization)?.[1];
  const bot = ownerOf(authorization, keyring) ?? ownerOf(bearer ?? '', keyring);
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
  // Node reads header bytes as Latin-1; this turns them back into what was sent.
  const digest = digestOf(Buffer.from(secret, 'latin1'), key);
  const entry = owners.get(digest.toString('base64'));
  return entry && timingSafeEqual(entry.digest, digest) ? entry.bot : undefined;
}

function digestOf(secret: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', key).update(secret).digest();
}
