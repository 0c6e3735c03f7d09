import { parseWireDate } from '../../events/parse-wire-date.js';
import { DistinctNames } from './distinct-names.js';
import { maskNumber, maskWords } from './mask-words.js';
import { rewriteJson, type JsonScope } from './rewrite-json.js';

/** What a mask does not decide by itself. */
export interface MaskSettings {
  /** What stands for a `ConversationId`. */
  readonly pseudonymOf: (id: string) => string;
  /** Takes the secret out of texts that stay. */
  readonly withoutSecret: (text: string) => string;
}

const KEPT_TEXTS = new Set(['ItemType', 'ItemSubType', 'BotToken', 'Channel']);

/** An intent or entity has these; of any other entry they may be what a person is called. */
const NAMES_OF_KNOWLEDGE = new Set(['Name', 'Key']);

const TYPES_OF_KNOWLEDGE: ReadonlySet<unknown> = new Set([3, 4, 5, 6]);

/**
 * An entry without people's words, as a text of JSON. Fields that say what
 * happened stay where they are of the kind that is documented; all else is
 * masked, at any depth. Names of variables stay, names within variables do not.
 *
 * @param text of the entry, or of whatever stands in its place
 */
export function maskEntry(text: string, settings: MaskSettings): string {
  const entry: unknown = JSON.parse(text);
  const isEntry =
    typeof entry === 'object' && entry !== null && !Array.isArray(entry);
  const type = isEntry && (entry as { Type?: unknown }).Type;
  const names = new WeakMap<JsonScope, DistinctNames>();
  let field = '';
  return rewriteJson(text, {
    name(name, scope) {
      const given = JSON.parse(name) as string;
      if (isEntry && scope.depth === 1) {
        field = given;
        return name;
      }
      if (!names.has(scope)) names.set(scope, new DistinctNames(maskWords));
      return JSON.stringify(names.get(scope)!.standInFor(given));
    },
    scalar(scalar, scope) {
      const isField = isEntry && scope?.depth === 1;
      return isField
        ? maskField(scalar, { field, type, ...settings })
        : maskScalar(scalar);
    },
  });
}

interface FieldSettings extends MaskSettings {
  readonly field: string;
  /** What the entry has in `Type`. */
  readonly type: unknown;
}

function maskField(scalar: string, settings: FieldSettings): string {
  const { field, pseudonymOf, withoutSecret } = settings;
  const value: unknown = JSON.parse(scalar);
  if (field === 'Type' && typeof value === 'number') return scalar;
  if (typeof value !== 'string') return maskScalar(scalar);
  if (field === 'ConversationId' && value !== '') {
    return JSON.stringify(pseudonymOf(value));
  }
  return staysAsText(value, settings)
    ? JSON.stringify(withoutSecret(value))
    : maskScalar(scalar);
}

function staysAsText(value: string, { field, type }: FieldSettings): boolean {
  return (
    KEPT_TEXTS.has(field) ||
    (NAMES_OF_KNOWLEDGE.has(field) && TYPES_OF_KNOWLEDGE.has(type)) ||
    (field === 'Date' && parseWireDate(value) !== undefined)
  );
}

function maskScalar(scalar: string): string {
  if (scalar.startsWith('"')) {
    return JSON.stringify(maskWords(JSON.parse(scalar) as string));
  }
  return /^[-\d]/.test(scalar) ? maskNumber(scalar) : scalar;
}
