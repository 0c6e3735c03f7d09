import { expect, it } from 'vitest';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import { OnXeniooInvalid } from '../../../lib/handlers/on-xenioo-invalid.decorator.js';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import { subscriptionsOf } from '../../../lib/handlers/subscription.js';

it('@OnXeniooInvalid() subscribes a method to invalid entries', () => {
  class Quarantine {
    @OnXeniooInvalid()
    keep(): void {}
  }

  expect(subscriptionsOf(Quarantine.prototype.keep)).toEqual([
    { to: 'invalid' },
  ]);
});

it('@OnXeniooInvalid() combines with @OnXenioo()', () => {
  class Log {
    @OnXeniooInvalid()
    @OnXenioo(XeniooEventType.Fallback)
    keep(): void {}
  }

  expect(subscriptionsOf(Log.prototype.keep).map(({ to }) => to)).toEqual([
    'events',
    'invalid',
  ]);
});
