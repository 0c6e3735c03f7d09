import type { XeniooAnswer } from '../../simulator/post.js';
import type { XeniooWireEntry } from '../../simulator/xenioo-wire-entry.js';
import type { DoctorCheck } from './doctor.check.js';
import type { Patient } from './patient.js';
import type { DoctorEntries } from './doctor.entries.js';
import { READ_AS_TEXT } from './remedies.js';
import { calls, sends, taken } from './taken.check.js';

/** Types of which Xenioo's documentation does not tell. */
const UNKNOWN_TYPE = 99;

/** Emoji, line breaks, a NUL and half of a surrogate pair. */
const ANY_CHARACTERS = '“Hello” \\ \u{1F600}\r\n\u0000\u2028\uD83D';

/** Everything but `Type` may be null or missing. */
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

/** What may be in an event, and what may be instead of one. */
export const BODY_CHECKS: readonly DoctorCheck[] = [
  taken(
    'empty-array',
    'an empty array',
    calls(() => []),
    {
      why: 'There is no event in it, but it is a call, and its answer counts.',
      mend: 'Answer 200 where there is nothing to do.',
      alike: ['array'],
    },
  ),
  taken('every-type', 'each of the 14 documented types', sendEachType, {
    why: 'What fields there are depends on the type: in the examples of Xenioo’s documentation intents, entities and unmatched messages (3 to 7) have no Date and no UserName.',
    mend: 'Require nothing but `Type`.',
    which: types => `type ${types.join(', ')}: `,
  }),
  taken(
    'unknown-type',
    'a type that is not documented (99)',
    sends(entries => ({ ...entries.message(), Type: UNKNOWN_TYPE })),
    {
      why: 'Xenioo can add a type at any time. From that day on these calls would fail.',
      mend: 'Take any number (@IsInt() instead of @IsEnum() or @IsIn()), answer 200, and leave alone what you do not know.',
    },
  ),
  taken(
    'null-fields',
    'null in every field but Type',
    sends(() => NULL_FIELDS),
    {
      why: 'The documentation requires `Type` alone; any other field may be missing or null. One user without a name, and each of their messages is a failed call.',
      mend: 'Mark every other field optional (@IsOptional() lets null through), and let no code rely on one before the answer.',
    },
  ),
  taken(
    'only-type',
    'nothing but Type',
    sends(() => ({ Type: 1 })),
    {
      why: 'The documentation requires `Type` alone; any other field may be missing or null.',
      mend: 'Mark every other field optional, and let no code rely on one before the answer.',
      alike: ['null-fields'],
    },
  ),
  taken(
    'seven-digits',
    'a date with seven fraction digits',
    sends(entries => entries.messageInTicks()),
    {
      why: 'Xenioo writes its dates so: 2019-07-10T15:47:58.5750058+00:00.',
      mend: 'Take them: `new Date(text)` does, and keeps three of the digits.',
    },
  ),
  taken(
    'variables',
    'variables of the bot beside the documented fields',
    sends(entries =>
      entries.message({ city: 'Rome', order: { id: 7, items: ['a', null] } }),
    ),
    {
      why: 'Who sets up the bot can include variables at any time: each becomes a field, of a name and a shape that nobody documents.',
      mend: 'Let unknown fields through. In Nest: no `forbidNonWhitelisted` for this route, and no `whitelist` either, which takes them away.',
    },
  ),
  taken(
    'any-characters',
    'a text of any characters (emoji, a NUL, half a surrogate pair)',
    sends(entries => entries.message({ Data: ANY_CHARACTERS })),
    {
      why: 'People can send what they like, and the bot passes it on.',
      mend: 'Some databases refuse such characters (PostgreSQL: the NUL): clean or encode the text before it is saved, and save it after the answer, or where it can be tried again.',
    },
  ),
  taken(
    'broken-json',
    'a body that is not JSON, as it breaks off',
    calls(brokenBody),
    {
      why: 'A body can break off on its way. The parser of the framework then answers before your code sees it.',
      mend: `${READ_AS_TEXT} Keep what can not be parsed, and answer 200.`,
    },
  ),
  taken(
    'empty-body',
    'an empty body',
    calls(() => ''),
    {
      why: 'There is no event in it, but it is a call, and its answer counts.',
      mend: 'Answer 200 where there is nothing to do.',
    },
  ),
];

async function sendEachType(patient: Patient): Promise<XeniooAnswer[]> {
  const answers: XeniooAnswer[] = [];
  for (const entry of patient.entries.ofEachType()) {
    const answer = await patient.send(entry);
    answers.push(answer);
    // Each would be waited for as long.
    if (answer.status === undefined) break;
  }
  return answers;
}

function brokenBody(entries: DoctorEntries): string {
  return JSON.stringify(entries.message()).slice(0, -10);
}
