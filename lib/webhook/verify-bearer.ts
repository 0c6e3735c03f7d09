import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { XeniooBotSettings } from '../options/xenioo.options.js';

/** The secrets of an instance, ready to be looked up. */
export interface Keyring {
  readonly key: string;
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
 * Files each secret under its digest with a key. The key is random and stays in
 * this process: how long a look-up takes tells nothing about a secret to who does
 * not know it.
 */
export function createKeyring(
  bots: readonly XeniooBotSettings[],
  key: string = randomBytes(32).toString('latin1'),
): Keyring {
  const owners = new Map<string, KeyringEntry>();
  for (const bot of bots) {
    for (const secret of bot.secrets) {
      const filedUnder = digestOf(Buffer.from(secret).toString('latin1'), key);
      owners.set(filedUnder, { digest: bytesOf(filedUnder), bot });
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
  const filedUnder = digestOf(secret, key);
  const entry = owners.get(filedUnder);
  return entry && timingSafeEqual(entry.digest, bytesOf(filedUnder))
    ? entry.bot
    : undefined;
}

/**
 * An HMAC in one step, at a tenth of the time. What an HMAC has beyond it keeps
 * a digest that others see from being continued; these are seen by nobody.
 * @param secret its bytes as Latin-1, which is how Node reads a header
 */
function digestOf(secret: string, key: string): string {
  return hash('sha256', key + secret, 'base64');
}

function bytesOf(digest: string): Buffer {
  return Buffer.from(digest, 'base64');
}
