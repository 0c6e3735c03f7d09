import { Injectable, Module, Scope, type ModuleMetadata } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { bullmqInbox } from '../../lib/bullmq/index.js';
import {
  memoryInbox,
  XeniooModule,
  XeniooOptionsError,
  type XeniooModuleAsyncOptions,
  type XeniooModuleOptions,
} from '../../lib/index.js';
import { lmdbInbox } from '../../lib/lmdb/index.js';
import { ADAPTERS, startHost, type AdapterName } from '../support/host-app.js';

const SECRET = { secret: 'right-secret' };

@Injectable({ scope: Scope.REQUEST })
class Tenant {
  createXeniooOptions() {
    return SECRET;
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class TenantSettings {
  constructor(readonly tenant: Tenant) {}
}

@Injectable({ scope: Scope.TRANSIENT })
class Settings {}

@Module({
  providers: [Tenant, TenantSettings, Settings],
  exports: [Tenant, TenantSettings, Settings],
})
class TenantModule {}

const inject = [Tenant];
const useFactory = () => SECRET;

/** Path of a folder, and a connection, that are never opened. */
const UNUSED = { path: '/nowhere', connection: 'redis://127.0.0.1:1' };

const configureAsync = (options: XeniooModuleAsyncOptions) =>
  XeniooModule.forRootAsync({ imports: [TenantModule], ...options });

/** Provides the tenant globally, because `forRoot()` has no `imports` for its `inbox`. */
const withInbox = (inbox: XeniooModuleOptions['inbox']) =>
  configureAsync({ useFactory, inbox });

/** Returns the error with which a host fails to boot. */
async function bootErrorOf(
  adapter: AdapterName,
  ...imports: NonNullable<ModuleMetadata['imports']>
): Promise<XeniooOptionsError | undefined> {
  try {
    await startHost(adapter, { imports });
    return undefined;
  } catch (error) {
    if (error instanceof XeniooOptionsError) return error;
    throw error;
  }
}

describe.each(Object.keys(ADAPTERS) as AdapterName[])('on %s', adapter => {
  it.each([
    ['useFactory', configureAsync({ inject, useFactory }), 'Tenant'],
    [
      'useFactory, through a transient provider',
      configureAsync({ inject: [TenantSettings], useFactory }),
      'TenantSettings',
    ],
    [
      'useFactory, optionally',
      configureAsync({
        inject: [{ token: Tenant, optional: true }],
        useFactory,
      }),
      'Tenant',
    ],
    [
      'the request',
      configureAsync({ inject: [REQUEST], useFactory }),
      'REQUEST',
    ],
    ['useExisting', configureAsync({ useExisting: Tenant }), 'Tenant'],
    ['useClass', configureAsync({ useClass: Tenant }), 'Tenant'],
  ])(
    'rejects options that depend on a request (%s)',
    async (_, module, name) => {
      const error = await bootErrorOf(adapter, module);

      expect(error?.problems).toEqual([
        `the factory of the module options injects ${name}, which is request-scoped or depends on a request-scoped provider. The factory runs once, while the application boots, when there is no request: inject providers of the default scope`,
      ]);
    },
  );

  it.each([
    ['of your own', { inject, useFactory: memoryInbox().useFactory }],
    ['LMDB', lmdbInbox({ inject, useFactory: () => UNUSED })],
    ['BullMQ', bullmqInbox({ inject, useFactory: () => UNUSED })],
  ])('rejects an inbox that depends on a request (%s)', async (_, inbox) => {
    const error = await bootErrorOf(adapter, withInbox(inbox));

    expect(error?.message).toMatch(
      /the factory of the option `inbox` injects Tenant, which is request-scoped/,
    );
  });

  it('rejects such options in the first of two instances too', async () => {
    const error = await bootErrorOf(
      adapter,
      configureAsync({ inject, useFactory, path: 'first' }),
      configureAsync({ useFactory, path: 'second' }),
    );

    expect(error?.message).toMatch(
      /the factory of the module options injects Tenant/,
    );
  });

  it.each([
    ['null', null, 'null'],
    ['a text', 'vault is sealed', 'vault is sealed'],
    [
      'an object',
      { code: 7 },
      'an object that is not an Error, with the fields code',
    ],
  ])(
    'names the factory of the options or of the inbox that rejects with %s',
    async (_, thrown, shown) => {
      const reject = () => Promise.reject(thrown);
      const options = await bootErrorOf(
        adapter,
        configureAsync({ useFactory: reject }),
      );
      const inbox = await bootErrorOf(
        adapter,
        withInbox(lmdbInbox({ useFactory: reject })),
      );

      expect(options?.message).toBe(
        `XeniooModule failed to start:\n  - the factory of the module options threw a value that is not an Error: ${shown}`,
      );
      expect(inbox?.problems).toEqual([
        `the factory of the option \`inbox\` threw a value that is not an Error: ${shown}`,
      ]);
      expect(options?.cause).toBe(thrown);
    },
  );

  it('throws the error of a factory as it is', async () => {
    const error = new TypeError('vault is sealed');
    const useFactory = () => Promise.reject(error);

    await expect(
      bootErrorOf(adapter, configureAsync({ useFactory })),
    ).rejects.toBe(error);
  });

  it('accepts transient providers', async () => {
    const module = configureAsync({ inject: [Settings], useFactory });

    expect(await bootErrorOf(adapter, module)).toBeUndefined();
  });

  it('names forRoot() in the error when the bare class is imported', async () => {
    const error = await bootErrorOf(adapter, XeniooModule);

    expect(error?.message).toMatch(
      /imports XeniooModule without options: import XeniooModule\.forRoot\(\{ secret \}\) or XeniooModule\.forRootAsync\(\)/,
    );
  });

  it('names forRoot() also when another module imports an instance', async () => {
    const error = await bootErrorOf(adapter, XeniooModule.forRoot(SECRET), {
      module: class Feature {},
      imports: [XeniooModule],
    });

    expect(error?.message).toMatch(/import XeniooModule\.forRoot/);
  });
});
