import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import {
  EventEmitter2,
  EventEmitterModule,
  OnEvent,
} from '@nestjs/event-emitter';
import { Test } from '@nestjs/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { XENIOO_EVENT_NAMES } from '../../../lib/events/xenioo-event.table.js';
import { XeniooEmitter } from '../../../lib/handlers/xenioo.emitter.js';
import { XeniooHandlersModule } from '../../../lib/handlers/xenioo-handlers.module.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf } from '../../support/entry-of.js';

const NAME = XENIOO_EVENT_NAMES.UserMessage;
const event = eventOf({ Type: 1, Data: 'Hello' });

@Injectable()
class Listener {
  readonly heard: unknown[] = [];

  @OnEvent(NAME)
  hear(value: unknown): void {
    this.heard.push(value);
  }
}

async function startEmitter({ wildcard = false } = {}) {
  const logs = new LogRecorder();
  const app = await Test.createTestingModule({
    imports: [EventEmitterModule.forRoot({ wildcard }), XeniooHandlersModule],
    providers: [Listener],
  })
    .setLogger(logs)
    .compile();
  onTestFinished(() => app.close());
  await app.init();
  const heard: [string, unknown][] = [];
  const listenAs = (who: string) => (value: unknown) => {
    heard.push([who, value]);
  };
  const host = app.get(EventEmitter2);
  const emitter = app.get(XeniooEmitter);
  return { app, logs, emitter, host, heard, listenAs };
}

it('XeniooEmitter does nothing without an EventEmitterModule', async () => {
  const app = await Test.createTestingModule({
    imports: [XeniooHandlersModule],
  })
    .setLogger(new LogRecorder())
    .compile();
  onTestFinished(() => app.close());
  await app.init();

  expect(() => app.get(XeniooEmitter).emit(NAME, event)).not.toThrow();
});

describe('XeniooEmitter', () => {
  it('calls methods with @OnEvent()', async () => {
    const { app, emitter } = await startEmitter();
    emitter.emit(NAME, event);

    expect(app.get(Listener).heard).toEqual([event]);
  });

  it('calls every listener of the event name once, and no other', async () => {
    const { emitter, host, heard, listenAs } = await startEmitter();
    host.on(NAME, listenAs('first'));
    host.on(NAME, listenAs('second'));
    host.on(XENIOO_EVENT_NAMES.BotMessage, listenAs('another'));
    emitter.emit(NAME, event);

    expect(heard).toEqual([
      ['first', event],
      ['second', event],
    ]);
  });

  it('calls listeners of any event with the event name', async () => {
    const { emitter, host } = await startEmitter();
    const heard: unknown[] = [];
    host.onAny((...values: unknown[]) => heard.push(values));
    emitter.emit(NAME, event);
    emitter.emit('xenioo.strike', 1);

    expect(heard).toEqual([
      [NAME, event],
      ['xenioo.strike', 1],
    ]);
  });

  it('calls wildcard listeners if the host has enabled wildcards', async () => {
    const { emitter, host, heard, listenAs } = await startEmitter({
      wildcard: true,
    });
    host.on('xenioo.*', listenAs('xenioo'));
    host.on('**', listenAs('all'));
    host.on('billing.*', listenAs('billing'));
    emitter.emit(NAME, event);

    expect(heard.map(([who]) => who).toSorted()).toEqual(['all', 'xenioo']);
  });

  it.each([{ wildcard: false }, { wildcard: true }])(
    'calls every listener when some listen once: %o',
    async options => {
      const { emitter, host, heard, listenAs } = await startEmitter(options);
      host.once(NAME, listenAs('once'));
      host.once(NAME, listenAs('once too'));
      host.on(NAME, listenAs('always'));
      emitter.emit(NAME, event);
      emitter.emit(NAME, event);

      expect(heard.map(([who]) => who)).toEqual([
        'once',
        'once too',
        'always',
        'always',
      ]);
    },
  );

  it('calls every listener when one removes itself meanwhile', async () => {
    const { emitter, host, heard, listenAs } = await startEmitter();
    const leave = () => void host.offAny(leave);
    host.onAny(leave);
    host.onAny(listenAs('all'));
    emitter.emit(NAME, event);

    expect(heard).toHaveLength(1);
  });
});

it.each([
  [
    'throws',
    () => {
      throw new Error('no room');
    },
  ],
  ['rejects', async () => Promise.reject(new Error('no room'))],
])(
  'XeniooEmitter logs a listener that %s and calls the others',
  async (_how, fail) => {
    const { emitter, host, heard, listenAs, logs } = await startEmitter();
    host.on(NAME, fail);
    host.onAny(fail);
    host.on(NAME, listenAs('after'));

    expect(() => emitter.emit(NAME, event)).not.toThrow();
    expect(heard).toEqual([['after', event]]);
    await expect
      .poll(() => logs.ofXenioo('error'))
      .toEqual([
        expect.stringMatching(
          /^A listener of xenioo\.user-message on the event emitter failed; the delivery is not affected: no room\nError: no room\n/,
        ),
        expect.stringContaining('no room'),
      ]);
  },
);

it('XeniooEmitter calls each listener outside the async context of the webhook call', async () => {
  const { emitter, host } = await startEmitter();
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const listen = async () => {
    seen.push(storage.getStore());
    storage.enterWith('a listener');
    await new Promise(setImmediate);
    seen.push(storage.getStore());
  };
  host.on(NAME, listen);
  host.on(NAME, listen);
  host.onAny(listen);

  storage.run('a call', () => emitter.emit(NAME, event));

  await expect.poll(() => seen).toHaveLength(6);
  expect(seen.slice(0, 3)).toEqual([undefined, undefined, undefined]);
});
