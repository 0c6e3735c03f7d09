import {
  getMetadataStorage,
  IS_DATE,
  IS_STRING,
  ValidationTypes,
} from 'class-validator';
import { MAX_ENTRIES } from './json-array.js';
import { MAX_DATE_LENGTH } from './wire-date.js';
import { WIRE_FIELDS, type WireField } from './wire-entry.js';
import {
  eventRow,
  UNKNOWN_EVENT,
  XENIOO_EVENT_TABLE,
  type EventRow,
} from './xenioo-event.table.js';
import type { XeniooEvent } from './xenioo.events.js';

/** Schema of JSON Schema 2020-12. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** Schema of the body of a call, with a definition for each event class. */
export interface EventsSchema extends JsonSchema {
  readonly $defs: Readonly<Record<string, JsonSchema>>;
}

const FIELD_DESCRIPTIONS: Readonly<Record<WireField, string>> = {
  Type: 'Type of the event.',
  ItemType: 'Type of the message item, such as "Text".',
  ItemSubType: 'Subtype of the message item.',
  Data: 'Text of the message; for a clicked button, its text and its payload.',
  Date: 'Date of the event in ISO 8601, with up to seven fraction digits. Without an offset it is UTC.',
  BotToken: 'API Token of the bot: an identifier, not a credential.',
  AccountName: 'Full name of the account.',
  ConversationId: 'Id of the conversation.',
  UserName: 'Name of the user in the conversation.',
  Channel: 'Name of the channel, such as "TelegramChannel".',
  Text: 'Text of the message that was not detected.',
  Name: 'Name of the intent or entity.',
  Key: 'Key of the intent or entity.',
};

const EVENT_DESCRIPTIONS: Readonly<Record<string, string>> = {
  'bot-message': 'The bot or an operator wrote a message.',
  'user-message': 'The user wrote a message or clicked a button.',
  'conversation-error': 'An error occurred in the conversation.',
  'intent-updated': 'An intent of the bot was updated.',
  'intent-deleted': 'An intent of the bot was deleted.',
  'entity-updated': 'An entity of the bot was updated.',
  'entity-deleted': 'An entity of the bot was deleted.',
  'unmatched-message':
    'Automatic Intent Redirection did not detect a message of the user.',
  'user-connected':
    'A user contacted the bot for the first time, or again after Xenioo has forgotten them.',
  'user-returned': 'A user came back. Sent at most once in 24 hours.',
  'take-over': 'An operator took the conversation over.',
  'hand-over': 'An operator handed the conversation back to the bot.',
  fallback: 'The conversation hit a fallback interaction.',
  'wrong-reply': "The user's reply to a question was not valid.",
  unknown: 'An event of a type that Xenioo does not document.',
};

/** Every date that `parseWireDate()` accepts. */
const DATE_PATTERN = (() => {
  const days31 = '(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])';
  const days30 = '(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)';
  const february = '02-(?:0[1-9]|1\\d|2[0-8])';
  const leapYear =
    '(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)';
  const day = `(?:\\d{4}-(?:${days31}|${days30}|${february})|${leapYear}-02-29)`;
  const hour = '(?:[01]\\d|2[0-3])';
  const time = `${hour}:[0-5]\\d(?::[0-5]\\d(?:\\.\\d+)?)?`;
  return `^${day}(?:[Tt ]${time}(?:[Zz]|[+-]${hour}(?::?[0-5]\\d)?)?)?$`;
})();

const SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  [IS_STRING]: {},
  [IS_DATE]: { maxLength: MAX_DATE_LENGTH, pattern: DATE_PATTERN },
};

/**
 * Creates the JSON Schema of the body of a call from the decorators of the event
 * classes. It accepts the bodies of which every entry is an event, except that it
 * knows neither the tokens of your bots nor the limit of nesting.
 */
export function eventsSchema(): EventsSchema {
  const types = Object.keys(XENIOO_EVENT_TABLE).map(Number);
  const events = types.map(type =>
    eventSchema(eventRow(type), { type: 'integer', enum: [type] }),
  );
  const unknown = eventSchema(UNKNOWN_EVENT, {
    type: 'integer',
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    not: { enum: types },
  });
  const $defs = Object.fromEntries(
    [...events, unknown].map(event => [event.title, event]),
  );
  const entry = { $ref: '#/$defs/XeniooEntry' };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'XeniooWebhookBody',
    description:
      'Body of a call of the Xenioo Events Webhook: one entry, or an array of entries.',
    oneOf: [entry, { type: 'array', maxItems: MAX_ENTRIES, items: entry }],
    $defs: {
      XeniooEntry: {
        title: 'XeniooEntry',
        description:
          'Entry of a call. Fields that are not listed are variables of the bot.',
        oneOf: Object.keys($defs).map(name => ({ $ref: `#/$defs/${name}` })),
      },
      ...$defs,
    },
  };
}

/** Creates the schema of the entries of one event class. */
function eventSchema(
  { eventClass, typeName, fields, needsField }: EventRow<XeniooEvent>,
  type: JsonSchema,
) {
  const metadata = getMetadataStorage().getTargetValidationMetadatas(
    eventClass,
    '',
    true,
    false,
  );
  const properties: Record<string, JsonSchema> = {
    Type: { description: FIELD_DESCRIPTIONS.Type, ...type },
  };
  const required = ['Type'];
  for (const field of WIRE_FIELDS) {
    const constraint = metadata.find(({ context }) => context?.field === field);
    if (!constraint) continue;
    const isOptional = metadata.some(
      ({ type, propertyName }) =>
        type === ValidationTypes.CONDITIONAL_VALIDATION &&
        propertyName === constraint.propertyName,
    );
    if (!isOptional) required.push(field);
    properties[field] = {
      description: FIELD_DESCRIPTIONS[field],
      type: isOptional ? ['string', 'null'] : 'string',
      ...SCHEMAS[constraint.name!],
    };
  }
  const isOneRequired = needsField && required.length === 1;
  return {
    title: eventClass.name,
    description: EVENT_DESCRIPTIONS[typeName],
    type: 'object',
    properties,
    required,
    ...(isOneRequired && {
      anyOf: fields.map(field => ({
        properties: { [field]: { type: 'string' } },
        required: [field],
      })),
    }),
  };
}
