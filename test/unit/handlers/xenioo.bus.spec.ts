import { Injectable } from '@nestjs/common';
import {
  EventEmitter2,
  EventEmitterModule,
  OnEvent,
} from '@nestjs/event-emitter';
import { Test } from '@nestjs/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { XENIOO_EVENT_NAMES } from '../../../lib/events/xenioo-event.table.js';
import { XeniooHandlersModule } from '../../../lib/handlers/xenioo-handlers.module.js';
import { XeniooBus } from '../../../lib/handlers/xenioo.bus.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf } from '../../support/receipt.js';

const NAME = XENIOO_EVENT_NAMES.UserMessage;
const event = eventOf({ Type: 1, Data: 'Hello' });

@Injectable()
class Listening {
  readonly heard: unknown[] = [];

  @OnEvent(NAME)
  hear(value: unknown): void {
    this.heard.push(value);
  }
}

async function start({ wildcard = false } = {}) {
  const logs = new LogRecorder();
  const app = await Test.createTestingModule({
    imports: [EventEmitterModule.forRoot({ wildcard }), XeniooHandlersModule],
    providers: [Listening],
  })
    .setLogger(logs)
    .compile();
  onTestFinished(() => app.close());
  await app.init();
  const heard: [string, unknown][] = [];
  const hearAs = (who: string) => (value: unknown) => {
    heard.push([who, value]);
  };
  const emitter = app.get(EventEmitter2);
  return { app, logs, bus: app.get(XeniooBus), emitter, heard, hearAs };
}

describe('when the host imports no EventEmitterModule', () => {
  it('says nothing to nobody', async () => {
    const app = await Test.createTestingModule({
      imports: [XeniooHandlersModule],
    })
      .setLogger(new LogRecorder())
      .compile();
    onTestFinished(() => app.close());
    await app.init();

    expect(() => app.get(XeniooBus).emit(NAME, event)).not.toThrow();
  });
});

describe('what is emitted', () => {
  it('reaches methods with @OnEvent()', async () => {
    const { app, bus } = await start();
    bus.emit(NAME, event);

    expect(app.get(Listening).heard).toEqual([event]);
  });

  it('reaches every listener of its name once, and no other', async () => {
    const { bus, emitter, heard, hearAs } = await start();
    emitter.on(NAME, hearAs('first'));
    emitter.on(NAME, hearAs('second'));
    emitter.on(XENIOO_EVENT_NAMES.BotMessage, hearAs('another'));
    bus.emit(NAME, event);

    expect(heard).toEqual([
      ['first', event],
      ['second', event],
    ]);
  });

  it('reaches those who listen to everything, with its name', async () => {
    const { bus, emitter } = await start();
    const heard: unknown[] = [];
    emitter.onAny((...values: unknown[]) => heard.push(values));
    bus.emit(NAME, event);

    expect(heard).toEqual([[NAME, event]]);
  });

  it('reaches wildcards where the host has set them', async () => {
    const { bus, emitter, heard, hearAs } = await start({ wildcard: true });
    emitter.on('xenioo.*', hearAs('xenioo'));
    emitter.on('**', hearAs('all'));
    emitter.on('billing.*', hearAs('billing'));
    bus.emit(NAME, event);

    expect(heard.map(([who]) => who).toSorted()).toEqual(['all', 'xenioo']);
  });

  it.each([{ wildcard: false }, { wildcard: true }])(
    'reaches everyone where some listen once: %o',
    async options => {
      const { bus, emitter, heard, hearAs } = await start(options);
      emitter.once(NAME, hearAs('once'));
      emitter.once(NAME, hearAs('once too'));
      emitter.on(NAME, hearAs('always'));
      bus.emit(NAME, event);
      bus.emit(NAME, event);

      expect(heard.map(([who]) => who)).toEqual([
        'once',
        'once too',
        'always',
        'always',
      ]);
    },
  );

  it('reaches everyone where a listener leaves meanwhile', async () => {
    const { bus, emitter, heard, hearAs } = await start();
    const leave = () => void emitter.offAny(leave);
    emitter.onAny(leave);
    emitter.onAny(hearAs('all'));
    bus.emit(NAME, event);

    expect(heard).toHaveLength(1);
  });
});

describe('when a listener fails', () => {
  it.each([
    [
      'at once',
      () => {
        throw new Error('no room');
      },
    ],
    ['later', async () => Promise.reject(new Error('no room'))],
  ])('%s, the others hear it and the log tells', async (_when, fail) => {
    const { bus, emitter, heard, hearAs, logs } = await start();
    emitter.on(NAME, fail);
    emitter.onAny(fail);
    emitter.on(NAME, hearAs('after'));

    expect(() => bus.emit(NAME, event)).not.toThrow();
    expect(heard).toEqual([['after', event]]);
    await vi.waitFor(() => {
      expect(logs.ofXenioo('error')).toEqual([
        expect.stringMatching(
          /^A listener of xenioo\.user-message failed: no room\nError: no room\n/,
        ),
        expect.stringContaining('no room'),
      ]);
    });
  });
});
