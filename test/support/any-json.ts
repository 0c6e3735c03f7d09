import * as fc from 'fast-check';
import { WIRE_FIELDS } from '../../lib/events/wire-entry.js';

const NUMBERS = ['1e999', '-1e999', '-0', '0', '1e-400', '9007199254740993'];

const STRINGS = [
  '\u0000',
  '\uD800',
  '\uDC00x',
  '"\\\n\u2028',
  '__proto__',
  '🎉',
];

const KEYS = [
  '__proto__',
  'constructor',
  'toJSON',
  'raw',
  'id',
  '',
  '0',
  '\uD800',
  ...WIRE_FIELDS,
];

const key = fc.oneof(fc.constantFrom(...KEYS), fc.string({ unit: 'binary' }));

const leaf = fc.oneof(
  fc.constantFrom(...NUMBERS, 'null', 'true', 'false'),
  fc.double().map(number => JSON.stringify(number)),
  fc
    .oneof(fc.constantFrom(...STRINGS), fc.string({ unit: 'binary' }))
    .map(text => JSON.stringify(text)),
);

const object = (member: fc.Arbitrary<string>) =>
  fc
    .array(fc.tuple(key, member), { maxLength: 6 })
    .map(members =>
      members.map(([name, text]) => `${JSON.stringify(name)}:${text}`),
    )
    .map(members => `{${members.join(',')}}`);

const { value } = fc.letrec<{ value: string }>(tie => ({
  value: fc.oneof(
    { maxDepth: 5 },
    leaf,
    object(tie('value')),
    fc
      .array(tie('value'), { maxLength: 5 })
      .map(elements => `[${elements.join(',')}]`),
  ),
}));

/** Text of any JSON value, including numbers and keys that JavaScript does not preserve. */
export const anyJsonText: fc.Arbitrary<string> = value;

/** Text of a JSON object that has valid or invalid fields of an entry, among others. */
export const anyEntryText: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(fc.nat(20).map(String), value),
    fc.option(
      fc.constantFrom(
        '2019-07-10T15:47:58.5750058+00:00',
        '2019-07-10T15:47:58Z',
        'no date',
      ),
    ),
    object(value),
  )
  .map(([type, date, rest]) => {
    const fields = [`"Type":${type}`, date && `"Date":"${date}"`, '"Name":"x"'];
    const more = rest.slice(1, -1);
    return `{${[more, ...fields].filter(Boolean).join(',')}}`;
  });
