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
  const host = app.get(EventEmitter2);
  const emitter = app.get(XeniooEmitter);
  return { app, logs, emitter, host, heard, hearAs };
}

it('does nothing where the host imports no EventEmitterModule', async () => {
  const app = await Test.createTestingModule({
    imports: [XeniooHandlersModule],
  })
    .setLogger(new LogRecorder())
    .compile();
  onTestFinished(() => app.close());
  await app.init();

  expect(() => app.get(XeniooEmitter).emit(NAME, event)).not.toThrow();
});

describe('an emitted event', () => {
  it('reaches methods with @OnEvent()', async () => {
    const { app, emitter } = await start();
    emitter.emit(NAME, event);

    expect(app.get(Listening).heard).toEqual([event]);
  });

  it('reaches every listener of its name once, and no other', async () => {
    const { emitter, host, heard, hearAs } = await start();
    host.on(NAME, hearAs('first'));
    host.on(NAME, hearAs('second'));
    host.on(XENIOO_EVENT_NAMES.BotMessage, hearAs('another'));
    emitter.emit(NAME, event);

    expect(heard).toEqual([
      ['first', event],
      ['second', event],
    ]);
  });

  it('reaches listeners of any event, with its name', async () => {
    const { emitter, host } = await start();
    const heard: unknown[] = [];
    host.onAny((...values: unknown[]) => heard.push(values));
    emitter.emit(NAME, event);
    emitter.emit('xenioo.strike', 1);

    expect(heard).toEqual([
      [NAME, event],
      ['xenioo.strike', 1],
    ]);
  });

  it('reaches wildcards where the host has turned them on', async () => {
    const { emitter, host, heard, hearAs } = await start({ wildcard: true });
    host.on('xenioo.*', hearAs('xenioo'));
    host.on('**', hearAs('all'));
    host.on('billing.*', hearAs('billing'));
    emitter.emit(NAME, event);

    expect(heard.map(([who]) => who).toSorted()).toEqual(['all', 'xenioo']);
  });

  it.each([{ wildcard: false }, { wildcard: true }])(
    'reaches every listener though some listen once: %o',
    async options => {
      const { emitter, host, heard, hearAs } = await start(options);
      host.once(NAME, hearAs('once'));
      host.once(NAME, hearAs('once too'));
      host.on(NAME, hearAs('always'));
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

  it('reaches every listener though one removes itself meanwhile', async () => {
    const { emitter, host, heard, hearAs } = await start();
    const leave = () => void host.offAny(leave);
    host.onAny(leave);
    host.onAny(hearAs('all'));
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
])('logs a listener that %s, and calls the others', async (_how, fail) => {
  const { emitter, host, heard, hearAs, logs } = await start();
  host.on(NAME, fail);
  host.onAny(fail);
  host.on(NAME, hearAs('after'));

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
});

it('calls listeners outside of the async context of a webhook call, each in its own', async () => {
  const { emitter, host } = await start();
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
