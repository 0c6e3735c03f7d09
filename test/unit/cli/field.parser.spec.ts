import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEntry, parseField } from '../../../lib/cli/field.parser.js';

describe('a field', () => {
  it.each([
    ['city=Rome', 'city', 'Rome'],
    ['city=', 'city', ''],
    ['note=a=b', 'note', 'a=b'],
    ['Data=null', 'Data', 'null'],
    ['a b=c\nd', 'a b', 'c\nd'],
  ])('is a text: %j', (text, name, value) => {
    expect(parseField(text, [])).toEqual([[name, value]]);
  });

  it.each([
    ['Data:=null', 'Data', null],
    ['age:=42', 'age', 42],
    ['tags:=["a","b"]', 'tags', ['a', 'b']],
    ['name:="Ada"', 'name', 'Ada'],
    ['a:b:={"c":"d=e"}', 'a:b', { c: 'd=e' }],
  ])('is JSON: %j', (text, name, value) => {
    expect(parseField(text, [])).toEqual([[name, value]]);
  });

  it('comes after those before it', () => {
    expect(parseField('b=2', parseField('a=1', []))).toEqual([
      ['a', '1'],
      ['b', '2'],
    ]);
  });

  it.each(['', 'city', '=Rome', 'age:=', 'age:=x', 'age:={'])(
    'is not %j',
    text => {
      expect(() => parseField(text, [])).toThrow(/^--field: expected/);
    },
  );

  it('is kept as it is, whatever a text holds', () => {
    const names = fc.stringMatching(/^[^=:]+$/);
    fc.assert(
      fc.property(names, fc.string({ unit: 'binary' }), (name, value) => {
        expect(parseField(`${name}=${value}`, [])).toEqual([[name, value]]);
      }),
    );
  });

  it('is kept as it is, whatever JSON holds', () => {
    const names = fc.stringMatching(/^[^=:]+$/);
    fc.assert(
      fc.property(names, fc.jsonValue(), (name, value) => {
        const json = JSON.stringify(value);
        expect(parseField(`${name}:=${json}`, [])).toEqual([
          [name, JSON.parse(json)],
        ]);
      }),
    );
  });
});

describe('an entry', () => {
  it('is any JSON', () => {
    expect(parseEntry('[{"Type":1}]')).toEqual([{ Type: 1 }]);
  });

  it('that is none is not shown', () => {
    expect(() => parseEntry('{"Data":"words')).toThrow(/^--entry: expected/);
    expect(() => parseEntry('{"Data":"words')).not.toThrow(/words/);
  });
});
