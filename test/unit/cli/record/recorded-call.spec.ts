import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseLine,
  toLine,
  type RecordedCall,
} from '../../../../lib/cli/record/recorded-call.js';
import { CallMask } from '../../../../lib/cli/record/call.mask.js';
import { anyJsonText } from '../../../support/any-json.js';
import { isSame } from '../../../support/is-same.js';

const receivedAt = new Date('2024-05-01T12:00:00Z');

const line = (text: string, contentType?: string) =>
  toLine({ receivedAt, contentType, text }).line;

/** What is read of a line that is right. */
function read(text: string): RecordedCall {
  const call = parseLine(text);
  if (typeof call === 'string') throw new Error(call);
  return call;
}

describe('a line of a recording', () => {
  it('tells when a call came, its content type and its body', () => {
    expect(line('{"Type":1,\n "n":1.50}', 'text/plain')).toBe(
      '{"receivedAt":"2024-05-01T12:00:00.000Z","contentType":"text/plain","body":{"Type":1,  "n":1.50}}\n',
    );
  });

  it('tells the text of a body that is no JSON', () => {
    expect(line('{"Type":\n')).toBe(
      '{"receivedAt":"2024-05-01T12:00:00.000Z","contentType":null,"text":"{\\"Type\\":\\n"}\n',
    );
  });

  it('counts the entries of a call', () => {
    const events = (text: string) =>
      toLine({ receivedAt, contentType: undefined, text }).events;

    expect(['{}', '[]', '[1,2,3]', 'no JSON'].map(events)).toEqual([
      1, 0, 3, 1,
    ]);
  });

  it('gives back what was sent, if it is JSON', () => {
    fc.assert(
      fc.property(anyJsonText, text => {
        const call = read(line(text, 'application/json'));

        expect(call.isJson).toBe(true);
        expect(isSame(JSON.parse(call.body()), JSON.parse(text))).toBe(true);
        expect(call).toMatchObject({
          receivedAt,
          contentType: 'application/json',
        });
      }),
    );
  });

  it('gives back what was sent to the letter, if it is not', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        fc.pre(!isJson(text));
        const call = read(line(text));

        expect(call).toMatchObject({
          isJson: false,
          events: 1,
          contentType: null,
        });
        expect(call.body()).toBe(text);
      }),
    );
  });

  it('is one line, masked or not', () => {
    const mask = new CallMask('s3cret');
    fc.assert(
      fc.property(
        fc.oneof(anyJsonText, fc.string({ unit: 'binary' })),
        text => {
          const call = { receivedAt, contentType: 'text/plain', text };
          for (const { line } of [toLine(call), toLine(call, mask)]) {
            expect(line.indexOf('\n')).toBe(line.length - 1);
            expect(read(line)).toMatchObject({ receivedAt });
          }
        },
      ),
    );
  });

  it('keeps what JavaScript does not: digits, members of one name, any depth', () => {
    const text = `{"a":1e999,"a":12345678901234567890,"v":${'['.repeat(5_000)}${']'.repeat(5_000)}}`;

    expect(read(line(text)).body()).toBe(text);
  });

  it('leaves out a byte-order mark before JSON', () => {
    expect(read(line('\uFEFF{"Type":1}')).body()).toBe('{"Type":1}');
  });
});

describe('a line that somebody wrote', () => {
  it('needs no more than a body', () => {
    const call = read(' { "body" : [ {"body": 1}, 2 ] } ');

    expect(call.body()).toBe('[ {"body": 1}, 2 ]');
    expect(call.events).toBe(2);
    expect(call.contentType).toBeUndefined();
    expect(call.receivedAt).toBeUndefined();
  });

  it('may have the body anywhere, and spell it as JSON allows', () => {
    const text =
      '{"note":"\\"body\\":1","\\u0062ody":{"a":":"},"text2":[],"receivedAt":"2024-05-01T12:00:00Z"}';

    expect(read(text).body()).toBe('{"a":":"}');
  });

  it.each([
    ['{"body":', 'it is no JSON'],
    ['', 'it is no JSON'],
    ['[]', 'it is no JSON object'],
    ['null', 'it is no JSON object'],
    ['{"Type":1}', 'it has neither `body` nor `text`'],
    ['{"body":1,"text":""}', 'it has both `body` and `text`'],
    ['{"text":1}', '`text` is no string'],
    ['{"body":1,"receivedAt":"today"}', '`receivedAt` is no date in ISO 8601'],
    ['{"body":1,"contentType":7}', '`contentType` is no value of a header'],
    [
      '{"body":1,"contentType":"a\\nb"}',
      '`contentType` is no value of a header',
    ],
  ])('is told what is wrong with it: %s', (text, problem) => {
    expect(parseLine(text)).toBe(problem);
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text.replace(/^\uFEFF/, ''));
    return true;
  } catch {
    return false;
  }
}
