import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rewriteJson } from '../../../../lib/cli/record/rewrite-json.js';
import { anyJsonText } from '../../../support/any-json.js';
import { isSame } from '../../../support/is-same.js';

const asItIs = { scalar: (scalar: string) => scalar };

describe('a text of JSON that is written again', () => {
  it('says the same, whatever it says', () => {
    fc.assert(
      fc.property(anyJsonText, text => {
        const again = rewriteJson(text, asItIs);
        expect(isSame(JSON.parse(again), JSON.parse(text))).toBe(true);
      }),
    );
  });

  it('loses white space, and nothing within texts', () => {
    const text = ' {\r\n "a b" : [ 1 ,\t"x, y: {\\" ]" ] } \n';

    expect(rewriteJson(text, asItIs)).toBe('{"a b":[1,"x, y: {\\" ]"]}');
  });

  it('keeps numbers to the digit, and members of one name', () => {
    const text = '{"a":1.50e999,"a":-0,"b":12345678901234567890}';

    expect(rewriteJson(text, asItIs)).toBe(text);
  });

  it('may be nested as deeply as it will', () => {
    const text = `${'[{"a":'.repeat(50_000)}1${'}]'.repeat(50_000)}`;

    expect(rewriteJson(text, asItIs)).toBe(text);
  });

  it('tells names from texts, and how deep they are', () => {
    const seen: unknown[] = [];

    rewriteJson('{"a":"b","c":[{"d":"e"},"f"]}', {
      name(name, { depth }) {
        seen.push(['name', name, depth]);
        return name;
      },
      scalar(scalar, scope) {
        seen.push(['scalar', scalar, scope?.depth]);
        return scalar;
      },
    });

    expect(seen).toEqual([
      ['name', '"a"', 1],
      ['scalar', '"b"', 1],
      ['name', '"c"', 1],
      ['name', '"d"', 3],
      ['scalar', '"e"', 3],
      ['scalar', '"f"', 2],
    ]);
  });
});
