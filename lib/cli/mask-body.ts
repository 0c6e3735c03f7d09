import { createHmac, randomBytes } from 'node:crypto';
import { parseWireDate } from '../events/wire-date.js';
import { isObject } from '../is-object.js';
import { maskSecret } from './mask-secret.js';

/** Help text on what is masked. */
export const MASK_HELP = `
Masking:
  Letters become x or X, digits 0, emojis and other symbols 🙂, one for one. This
  applies to Data, Text, UserName, AccountName and all variables: texts, numbers
  (42 becomes 10) and names within them. ConversationId becomes a pseudonym that is
  the same within one recording. A body that is not JSON is masked as a whole.
  Kept are Type, ItemType, ItemSubType, Date, Channel, BotToken, the names of
  variables, and Name and Key of intents and entities (types 3 to 6), if they are of
  the documented kind.`;

const KEPT_FIELDS = ['ItemType', 'ItemSubType', 'BotToken', 'Channel'];

/** Fields of intents and entities; in other entries they may be a person's name. */
const KNOWLEDGE_FIELDS = ['Name', 'Key'];
const KNOWLEDGE_TYPES: readonly unknown[] = [3, 4, 5, 6];

/** Creates a function that masks personal data and the secret in the bodies of one recording. */
export function createBodyMask(secret: string): (body: string) => string {
  // A random key that is not stored: ids can't be derived from the pseudonyms.
  const key = randomBytes(32);
  const pseudonymOf = (id: string) => {
    const digest = createHmac('sha256', key).update(id).digest('hex');
    return `conversation-${digest.slice(0, 24)}`;
  };

  const maskEntry = (entry: unknown): unknown => {
    if (!isObject(entry)) return maskValue(entry);
    const fields = Object.entries(entry).map(([field, value]) => {
      if (isKept(field, value, entry['Type'])) return [field, value];
      return field === 'ConversationId' && typeof value === 'string'
        ? [field, value && pseudonymOf(value)]
        : [field, maskValue(value)];
    });
    return Object.fromEntries(fields);
  };

  return body =>
    maskSecret(maskJson(body, maskEntry) ?? maskWords(body), secret);
}

/** Returns undefined if the body is not JSON or nested too deeply. */
function maskJson(
  body: string,
  maskEntry: (entry: unknown) => unknown,
): string | undefined {
  try {
    const value = JSON.parse(body) as unknown;
    return JSON.stringify(
      Array.isArray(value) ? value.map(maskEntry) : maskEntry(value),
    );
  } catch {
    return undefined;
  }
}

function isKept(field: string, value: unknown, type: unknown): boolean {
  if (field === 'Type') return typeof value === 'number';
  if (field === 'Date') return parseWireDate(value) !== undefined;
  if (typeof value !== 'string') return false;
  const isKnowledge = KNOWLEDGE_TYPES.includes(type);
  return (
    KEPT_FIELDS.includes(field) ||
    (isKnowledge && KNOWLEDGE_FIELDS.includes(field))
  );
}

function maskValue(value: unknown): unknown {
  if (typeof value === 'string') return maskWords(value);
  if (typeof value === 'number') return maskNumber(value);
  if (Array.isArray(value)) return value.map(maskValue);
  if (!isObject(value)) return value;
  const uses = new Map<string, number>();
  const members = Object.entries(value).map(([name, member]) => {
    const masked = maskWords(name);
    const use = (uses.get(masked) ?? 0) + 1;
    uses.set(masked, use);
    // Names that are equal after masking get a number, which can't be part of a masked name.
    return [use === 1 ? masked : `${masked}~${use}`, maskValue(member)];
  });
  return Object.fromEntries(members);
}

/** Replaces each digit and keeps the number of digits: 42 becomes 10. */
function maskNumber(number: number): number {
  return Number(String(number).replaceAll(/\d/g, '0').replace('0', '1'));
}

/** Masks of the characters seen so far: a lookup is much faster than the regular expressions. */
const MASKS = new Map<string, string>();

/** Masks a text in any script; keeps its length, spaces, line breaks and punctuation. */
export function maskWords(text: string): string {
  const masked: string[] = [];
  for (const character of text) {
    const mask = MASKS.get(character) ?? maskCharacter(character);
    MASKS.set(character, mask);
    masked.push(mask);
  }
  return masked.join('');
}

// Includes marks, which are vowels in many scripts, and tags, which can spell invisible text.
const OTHER_LETTER =
  /[^\p{Lu}\p{N}\p{Z}\p{P}\p{S}\p{Cc}\p{Cf}\p{Cs}\uFE00-\uFE0F]|[\u{E0000}-\u{E007F}]/u;

function maskCharacter(character: string): string {
  if (/[\p{So}\p{Extended_Pictographic}\p{Emoji_Modifier}]/u.test(character)) {
    return '🙂';
  }
  if (/[\p{Lu}\p{Lt}]/u.test(character)) return 'X';
  if (/\p{N}/u.test(character)) return '0';
  return OTHER_LETTER.test(character) ? 'x' : character;
}
