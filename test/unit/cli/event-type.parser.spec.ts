import { InvalidArgumentError } from 'commander';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseEventType,
  TYPE_NAMES,
} from '../../../lib/cli/event-type.parser.js';
import { XENIOO_EVENT_TABLE } from '../../../lib/events/xenioo-event.table.js';

describe('the names of the types', () => {
  it('are those that the bus uses, in the order of their numbers', () => {
    expect(TYPE_NAMES).toEqual(
      Object.values(XENIOO_EVENT_TABLE).map(({ typeName }) => typeName),
    );
  });

  it('lead to their numbers', () => {
    expect(TYPE_NAMES.map(parseEventType)).toEqual([...TYPE_NAMES.keys()]);
  });
});

describe('a type', () => {
  it.each(['TakeOver', 'takeOver', 'take-over', 'TAKE_OVER', '10'])(
    'may be spelled %s',
    text => {
      expect(parseEventType(text)).toBe(10);
    },
  );

  it.each(['', 'take', '-1', '1.5', '1e3', '9007199254740992', 'constructor'])(
    'is not %j',
    text => {
      expect(() => parseEventType(text)).toThrow(/one of bot-message, user-/);
    },
  );

  it('is a whole number from 0, whatever is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.nat().map(String)), text => {
        const type = numberOf(text);
        expect(Number.isSafeInteger(type)).toBe(true);
        expect(type).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

/** What a text means as a type; 0 where it is refused as it should be. */
function numberOf(text: string): number {
  try {
    return parseEventType(text);
  } catch (error) {
    if (error instanceof InvalidArgumentError) return 0;
    throw error;
  }
}
