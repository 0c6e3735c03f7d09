import { Injectable } from '@nestjs/common';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  XENIOO_EVENT_NAMES,
  XeniooModule,
  XeniooObservers,
  XeniooWebhookStatus,
  type XeniooSilence,
} from '../../lib/index.js';
import { senderFor, xeniooEntry } from '../../lib/testing/index.js';
import { ADAPTERS, startHost, type AdapterName } from '../support/host-app.js';

const ADAPTER_NAMES = Object.keys(ADAPTERS) as AdapterName[];

@Injectable()
class Alarm {
  readonly heard: XeniooSilence[] = [];
  readonly observed: XeniooSilence[] = [];

  constructor(observers: XeniooObservers) {
    observers.add({ silence: silence => void this.observed.push(silence) });
  }

  @OnEvent(XENIOO_EVENT_NAMES.Silence)
  hear(silence: XeniooSilence) {
    this.heard.push(silence);
  }
}

async function start(adapter: AdapterName, expectCallsWithinMinutes?: number) {
  const { app, logs } = await startHost(adapter, {
    imports: [
      EventEmitterModule.forRoot(),
      XeniooModule.forRoot({ secret: 'secret', expectCallsWithinMinutes }),
    ],
    providers: [Alarm],
  });
  const sender = await senderFor(app);
  onTestFinished(() => sender.close());
  const status = app.get(XeniooWebhookStatus, { strict: false });
  return { app, logs, sender, status, alarm: app.get(Alarm) };
}

describe.each(ADAPTER_NAMES)('silence of Xenioo on %s', adapter => {
  it('is reported once when calls stop, and once when they resume', async () => {
    const published: unknown[] = [];
    const publish = (message: unknown) => published.push(message);
    subscribe('xenioo.silence', publish);
    onTestFinished(() => void unsubscribe('xenioo.silence', publish));
    const { logs, sender, status, alarm } = await start(adapter, 0.005);
    await expect.poll(() => status.isSilent).toBe(true);

    expect(alarm.heard).toMatchObject([
      { isSilent: true, url: '/xenioo/webhook', since: expect.any(Date) },
    ]);
    expect(logs.ofXenioo('error')).toEqual([
      expect.stringMatching(
        /^No call with a configured secret has reached \/xenioo\/webhook for [\d.]+ minutes/,
      ),
    ]);

    await sender.call(xeniooEntry.userMessage());
    expect(status.isSilent).toBe(false);
    expect(alarm.heard[1]).toMatchObject({ isSilent: false });
    expect(logs.ofXenioo('log')).toContainEqual(
      expect.stringMatching(/^Xenioo calls \/xenioo\/webhook again/),
    );

    await expect.poll(() => alarm.heard.length).toBe(3);
    expect(alarm.heard[2]).toMatchObject({ isSilent: true });
    expect(alarm.observed).toEqual(alarm.heard);
    expect(published).toEqual(alarm.heard);
  });

  it('is not ended by a call with a wrong secret', async () => {
    const { sender, status, alarm } = await start(adapter, 0.005);
    await expect.poll(() => status.isSilent).toBe(true);
    await sender.call({}, { authorization: 'Bearer wrong' });

    expect(status.isSilent).toBe(true);
    expect(alarm.heard).toHaveLength(1);
  });

  it('is reported neither while calls arrive nor without the option', async () => {
    const { sender, status, alarm } = await start(adapter, 60);
    const without = await start(adapter);
    await sender.call(xeniooEntry.userMessage());

    expect(status.isSilent).toBe(false);
    expect(without.status.isSilent).toBe(false);
    expect([...alarm.heard, ...without.alarm.heard]).toEqual([]);
  });
});

describe('the option expectCallsWithinMinutes', () => {
  it.each([0, -1, NaN, Infinity, 40_000, '5', null])(
    'rejects %j',
    async minutes => {
      await expect(start('express', minutes as number)).rejects.toThrow(
        /expected `expectCallsWithinMinutes` to be a number above 0 and at most 35791/,
      );
    },
  );
});
