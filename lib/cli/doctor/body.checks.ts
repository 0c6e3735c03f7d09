import type { XeniooAnswer } from '../../simulator/post.js';
import type { XeniooWireEntry } from '../../simulator/xenioo-wire-entry.js';
import { accepts, oneBody, oneEvent } from './accepts.check.js';
import type { DoctorCheck } from './doctor.check.js';
import type { EndpointUnderTest } from './endpoint-under-test.js';

const READ_AS_TEXT =
  "Read the body of this route as text, whatever its type, and parse it in your code. Nest on Express: app.use('<path>', express.text({ type: () => true, limit: '10mb' })) in main.ts; on Fastify: { bodyParser: false } for NestFactory.create(), then removeAllContentTypeParsers() and a parser for '*' with parseAs: 'string', which all routes share.";

const NO_EVENT_WHY =
  'The call contains no event, but an answer other than 200 still counts as a failed call.';
const NO_EVENT_FIX = 'Answer 200 to a call without events.';
const ONLY_TYPE_WHY =
  'The documentation requires `Type` alone; any other field may be null or missing.';

/** Number of a type that Xenioo does not document. */
const UNKNOWN_TYPE = 99;

/** Emoji, line breaks, a NUL and half of a surrogate pair. */
const ANY_CHARACTERS = '“Hello” \\ \u{1F600}\r\n\u0000\u2028\uD83D';

const NULL_FIELDS: XeniooWireEntry = {
  Type: 1,
  ItemType: null,
  ItemSubType: null,
  Data: null,
  Date: null,
  BotToken: null,
  AccountName: null,
  ConversationId: null,
  UserName: null,
  Channel: null,
  Text: null,
  Name: null,
  Key: null,
};

/** Checks of the possible content of events and bodies. */
export const BODY_CHECKS: readonly DoctorCheck[] = [
  accepts(
    'empty-array',
    'an empty array',
    oneBody(() => []),
    {
      why: NO_EVENT_WHY,
      fix: NO_EVENT_FIX,
      related: ['array'],
    },
  ),
  accepts('every-type', 'each of the 14 documented types', sendEachType, {
    why: 'Fields depend on the type: in Xenioo’s examples intents, entities and unmatched messages (3 to 7) have no Date and no UserName.',
    fix: 'Require only `Type`.',
    nameFailed: types => `type ${types.join(', ')}: `,
  }),
  accepts(
    'unknown-type',
    'a type that is not documented (99)',
    oneEvent(entries => ({ ...entries.message(), Type: UNKNOWN_TYPE })),
    {
      why: 'Xenioo can add a type at any time. From then on these calls fail.',
      fix: 'Accept any number (@IsInt() instead of @IsEnum() or @IsIn()), answer 200, and ignore unknown types.',
    },
  ),
  accepts(
    'null-fields',
    'null in every field but Type',
    oneEvent(() => NULL_FIELDS),
    {
      why: `${ONLY_TYPE_WHY} With one user without a name, each of their messages is a failed call.`,
      fix: 'Make every other field optional (@IsOptional() accepts null), and rely on none of them before the answer.',
    },
  ),
  accepts(
    'only-type',
    'only Type',
    oneEvent(() => ({ Type: 1 })),
    {
      why: ONLY_TYPE_WHY,
      fix: 'Make every other field optional, and rely on none of them before the answer.',
      related: ['null-fields'],
    },
  ),
  accepts(
    'seven-digits',
    'a date with seven fraction digits',
    oneEvent(entries => entries.messageWithSevenDigits()),
    {
      why: 'Xenioo sends dates in this format: 2019-07-10T15:47:58.5750058+00:00.',
      fix: 'Accept them: `new Date(text)` does, and keeps three of the digits.',
    },
  ),
  accepts(
    'variables',
    'variables of the bot beside the documented fields',
    oneEvent(entries =>
      entries.message({ city: 'Rome', order: { id: 7, items: ['a', null] } }),
    ),
    {
      why: 'The owner of the bot can add variables at any time: each becomes a field, of any name and shape.',
      fix: 'Allow unknown fields. In Nest: no `forbidNonWhitelisted` for this route, and no `whitelist`, which removes them.',
    },
  ),
  accepts(
    'any-characters',
    'a text of any characters (emoji, a NUL, half a surrogate pair)',
    oneEvent(entries => entries.message({ Data: ANY_CHARACTERS })),
    {
      why: 'People can send any text, and the bot passes it on.',
      fix: 'Some databases reject such characters (PostgreSQL: the NUL). Clean or encode the text before you save it, and save it after the answer or with a retry.',
    },
  ),
  accepts(
    'broken-json',
    'invalid JSON (a body that is cut off)',
    oneBody(entries => JSON.stringify(entries.message()).slice(0, -10)),
    {
      why: 'A body can be cut off on its way. The parser of the framework then answers before your code runs.',
      fix: `${READ_AS_TEXT} Save what can’t be parsed, and answer 200.`,
    },
  ),
  accepts(
    'empty-body',
    'an empty body',
    oneBody(() => ''),
    {
      why: NO_EVENT_WHY,
      fix: NO_EVENT_FIX,
    },
  ),
  contentType('content-type-charset', 'application/json; charset=utf-8'),
  contentType('content-type-none', null),
  contentType('content-type-text', 'text/plain', 'content-type-none'),
  contentType(
    'content-type-form',
    'application/x-www-form-urlencoded',
    'content-type-none',
    'content-type-text',
  ),
  accepts(
    'chunked',
    'a body in chunks, without Content-Length',
    oneEvent(entries => entries.message(), { chunked: true }),
    {
      why: 'Xenioo does not document whether it sends a Content-Length, and many clients do not.',
      fix: 'Accept both (Transfer-Encoding: chunked). Usually a proxy or a firewall requires a Content-Length: let it pass chunks on, or buffer them.',
    },
  ),
];

function contentType(
  id: string,
  type: string | null,
  ...related: string[]
): DoctorCheck {
  return accepts(
    id,
    type === null ? 'no Content-Type' : `Content-Type: ${type}`,
    oneEvent(entries => entries.message(), {
      headers: { 'content-type': type },
    }),
    {
      why: 'Xenioo does not document its Content-Type. No event should be lost over one.',
      fix: READ_AS_TEXT,
      related,
    },
  );
}

async function sendEachType(
  endpoint: EndpointUnderTest,
): Promise<XeniooAnswer[]> {
  const answers: XeniooAnswer[] = [];
  for (const entry of endpoint.entries.ofEachType()) {
    const answer = await endpoint.send(entry);
    answers.push(answer);
    // Without an answer, each further call would wait for the time-out too.
    if (answer.status === undefined) break;
  }
  return answers;
}
