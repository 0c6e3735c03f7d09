import { expect, it } from 'vitest';
import { XeniooEventType } from '../../../lib/events/xenioo-event-type.js';
import { OnXeniooFailed } from '../../../lib/handlers/on-xenioo-failed.decorator.js';
import { OnXeniooInvalid } from '../../../lib/handlers/on-xenioo-invalid.decorator.js';
import { OnXenioo } from '../../../lib/handlers/on-xenioo.decorator.js';
import { subscriptionsOf } from '../../../lib/handlers/subscription.js';
import { XeniooHandlerError } from '../../../lib/xenioo.errors.js';

it('@OnXeniooFailed() subscribes a method to failures of handlers', () => {
  class Alarm {
    @OnXeniooFailed()
    ring(): void {}
  }

  expect(subscriptionsOf(Alarm.prototype.ring)).toEqual([{ to: 'failed' }]);
});

it('@OnXeniooFailed() combines with the other decorators', () => {
  class Log {
    @OnXeniooFailed()
    @OnXeniooInvalid()
    @OnXenioo(XeniooEventType.Fallback)
    write(): void {}
  }

  expect(subscriptionsOf(Log.prototype.write).map(({ to }) => to)).toEqual([
    'events',
    'invalid',
    'failed',
  ]);
});

it('@OnXeniooFailed() rejects a static method', () => {
  class Alarm {
    static ring(): void {}
  }

  expect(() =>
    OnXeniooFailed()(Alarm, 'ring', { value: () => Alarm.ring() }),
  ).toThrow(
    new XeniooHandlerError(
      "`ring` can't handle events: @OnXenioo(), @OnXeniooInvalid() and @OnXeniooFailed() decorate instance methods with a string name, neither static nor private ones, and no classes",
    ),
  );
});
