import { beforeEach, describe, expect, it, vi } from 'vitest';
import { eventId } from '../../../lib/events/event-id.js';
import { parseBody } from '../../../lib/events/parse-body.js';
import type { XeniooEvent } from '../../../lib/events/xenioo.event.js';
import { receipt } from '../../support/receipt.js';

vi.mock('../../../lib/events/event-id.js', { spy: true });

const DATED = '{"Type":1,"Data":"Hello","Date":"2019-07-10T15:47:58Z"}';

const eventOf = (text: string, hasLazyIds = true) =>
  parseBody(text, { ...receipt(), hasLazyIds })[0] as XeniooEvent;

beforeEach(() => {
  vi.mocked(eventId).mockClear();
});

describe('the id of an event with a date', () => {
  it('is made when it is read, once', () => {
    const event = eventOf(DATED);

    expect(eventId).not.toHaveBeenCalled();
    expect(event.id).toBe(event.id);
    expect(eventId).toHaveBeenCalledOnce();
  });

  it('is the same that it would have been at once', () => {
    expect(eventOf(DATED).id).toBe(eventOf(DATED, false).id);
  });

  it('is there for whoever looks at the event as a whole', () => {
    const event = eventOf(DATED);
    const atOnce = eventOf(DATED, false);

    expect(event).toStrictEqual(atOnce);
    expect(JSON.stringify(event)).toBe(JSON.stringify(atOnce));
    expect(Object.assign({}, event)).toStrictEqual(Object.assign({}, atOnce));
    expect(structuredClone(event)).toStrictEqual(structuredClone(atOnce));
    expect(Object.keys(event)).toEqual(Object.keys(atOnce));
  });

  it('can’t be changed', () => {
    const event = eventOf(DATED) as { id: string };

    expect(() => (event.id = 'another')).toThrow(TypeError);
    expect(() => Object.defineProperty(event, 'id', { value: 'x' })).toThrow(
      TypeError,
    );
    expect(event.id).toBe(eventOf(DATED, false).id);
  });
});

describe('the id of an event without a date', () => {
  it.each(['{"Type":1}', '{"Type":1,"Date":null}'])(
    'is made at once, and is its own: %s',
    text => {
      const event = eventOf(text);

      expect(eventId).toHaveBeenCalledOnce();
      expect(event.id).toBe(event.id);
      expect(event.id).not.toBe(eventOf(text).id);
    },
  );
});

it('is made at once where nobody said otherwise', () => {
  parseBody(DATED, receipt());

  expect(eventId).toHaveBeenCalledOnce();
});
