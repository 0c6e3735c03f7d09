import { Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { inspect, types } from 'node:util';
import { describe, expect, it } from 'vitest';
import { bullmqInbox } from '../../lib/bullmq/index.js';
import {
  XeniooDeadLetters,
  XeniooInbox,
  XeniooModule,
  XeniooObservers,
  XeniooWebhookStatus,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import { ADAPTERS, startHost, type AdapterName } from '../support/host-app.js';

const SECRET = 'q7-Sesame';
const BOTS = [{ name: 'support', token: 't1', secret: [SECRET] }];

/** URL without a Redis; the clients that hold the password are created anyway. */
const REDIS = `redis://user:${SECRET}@127.0.0.1:1`;

/** Returns the keys and strings that printing a value may show, at any depth and with any options. */
function stringsIn(root: unknown): string[] {
  const found: string[] = [];
  const seen = new Set<unknown>();
  const open = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === 'string') found.push(value);
    if (Object(value) !== value || seen.has(value)) continue;
    seen.add(value);
    if (types.isMap(value)) open.push(...value.keys(), ...value.values());
    if (types.isSet(value)) open.push(...value);
    if (ArrayBuffer.isView(value)) continue;
    const properties = Object.getOwnPropertyDescriptors(value as object);
    for (const key of Reflect.ownKeys(properties)) {
      open.push(key, Reflect.get(properties, key)?.value);
    }
  }
  return found;
}

const showsSecret = (value: unknown) =>
  stringsIn(value).some(text => text.includes(SECRET));

@Injectable()
class Options {
  createXeniooOptions() {
    return { secret: SECRET };
  }
}

const MODULES: [string, () => ReturnType<typeof XeniooModule.forRoot>][] = [
  ['a secret', () => XeniooModule.forRoot({ secret: SECRET })],
  ['several bots', () => XeniooModule.forRoot({ bots: BOTS })],
  [
    'bots from a function',
    () => XeniooModule.forRoot({ bots: async () => BOTS }),
  ],
  [
    'options from a factory',
    () =>
      XeniooModule.forRootAsync({
        useFactory: async () => ({ secret: SECRET }),
      }),
  ],
  [
    'options from a class',
    () => XeniooModule.forRootAsync({ useClass: Options }),
  ],
  [
    'an inbox on Redis',
    () => {
      const inbox = bullmqInbox({ connection: REDIS });
      const options: XeniooModuleOptions = { secret: SECRET, inbox };
      return XeniooModule.forRoot({ ...options, acceptTimeoutMs: 10 });
    },
  ],
];

describe.each(Object.keys(ADAPTERS) as AdapterName[])('on %s', adapter => {
  it.each(MODULES)(
    'prints no secret with any provider of the module (%s)',
    async (_, createModule) => {
      const module = createModule();
      expect(showsSecret(module)).toBe(false);

      const { app } = await startHost(adapter, { imports: [module] });

      for (const token of [
        XeniooModule,
        XeniooInbox,
        XeniooDeadLetters,
        XeniooObservers,
        XeniooWebhookStatus,
      ]) {
        const provider: unknown = app.get(token, { strict: false });
        expect(showsSecret(provider)).toBe(false);
        expect(inspect(provider, { depth: 3 })).not.toContain(SECRET);
      }
      // It holds every other provider and controller.
      expect(showsSecret(app.get(ModulesContainer))).toBe(false);
    },
  );

  it.each(MODULES)(
    'serializes the injectable classes as JSON in a running application (%s)',
    async (_, createModule) => {
      const { app } = await startHost(adapter, { imports: [createModule()] });
      const observers = app.get(XeniooObservers);
      observers.add(Object.assign({ strike() {} }, { app }));

      expect(JSON.stringify(app.get(XeniooInbox, { strict: false }))).toMatch(
        /^"\w+Inbox"$/,
      );
      expect(JSON.stringify([observers, app.get(XeniooDeadLetters)])).toBe(
        '["XeniooObservers","XeniooDeadLetters"]',
      );
      expect(JSON.stringify(app.get(XeniooWebhookStatus))).toBe(
        '{"strikes":0,"refused":0}',
      );
    },
  );

  it('detects a secret in a provider of the application', async () => {
    const { app } = await startHost(adapter, {
      imports: [XeniooModule.forRoot({ secret: SECRET })],
      providers: [{ provide: 'config', useValue: { secret: SECRET } }],
    });

    expect(showsSecret(app.get(ModulesContainer))).toBe(true);
  });
});
