import { XeniooInbox } from '../inbox/xenioo.inbox.js';
import type {
  XeniooTransact,
  XeniooTransaction,
} from '../handlers/xenioo-transaction.js';
import { resolveMemoryInboxOptions } from '../memory/memory-inbox.factory.js';
import { MemoryInbox } from '../memory/memory.inbox.js';
import { quote } from '../options/describe-value.js';
import { resolveXeniooOptions } from '../options/resolve-xenioo-options.js';
import { withoutUndefined } from '../options/without-undefined.js';
import {
  XENIOO_OPTIONS,
  XENIOO_SETTINGS,
  type XeniooOptions,
  type XeniooSettings,
} from '../options/xenioo.options.js';
import { XeniooTestingError } from '../simulator/xenioo-testing.errors.js';

/** Options that replace those of the application in a test. */
export interface XeniooOverrides extends XeniooOptions {
  /**
   * Replaces the inbox of the application with `memoryInbox()`. Transactional handlers
   * run too, with the option `transaction`.
   */
  readonly inbox?: 'memory';

  /**
   * Runs transactional handlers with `inbox: 'memory'`: calls `work` with the object
   * that the handlers get as their transaction, commits when the promise of `work`
   * resolves and rolls back when it rejects. Without it, transactional handlers run
   * without a transaction, and their `tx.query()` rejects.
   *
   * @example
   * ```ts
   * // Records the statements instead of running them.
   * overrideXenioo(testing, {
   *   inbox: 'memory',
   *   transaction: work =>
   *     work({
   *       query: async (text, values) => {
   *         statements.push({ text, values });
   *         return { rows: [] };
   *       },
   *     }),
   * });
   * ```
   */
  readonly transaction?: XeniooTestTransaction;
}

/** Function that runs `work` with a transaction of a test: commits when it resolves; rolls back and rejects when it rejects. */
export type XeniooTestTransaction = (
  work: (tx: XeniooTransaction) => Promise<void>,
) => Promise<void>;

const NO_TRANSACTION: XeniooTransaction = {
  query: async () => {
    throw new XeniooTestingError(
      "`tx.query()` has no database with `inbox: 'memory'`: pass `transaction` to overrideXenioo().",
    );
  },
};

/** Part of `TestingModuleBuilder` of `@nestjs/testing` that the function uses. */
interface Builder {
  overrideProvider(token: unknown): {
    useFactory(provider: {
      inject: unknown[];
      factory: (given: never) => unknown;
    }): unknown;
  };
}

/**
 * Replaces the given options in every `XeniooModule` of the application under test;
 * other options stay as they are.
 *
 * @example
 * ```ts
 * const testing = overrideXenioo(Test.createTestingModule({ imports: [AppModule] }), {
 *   retry: { attempts: 2, delayMs: 1 },
 *   inbox: 'memory',
 * });
 * const app = (await testing.compile()).createNestApplication();
 * ```
 *
 * @throws {XeniooTestingError} when `inbox` is not `'memory'`, or when `transaction` is given without it
 */
export function overrideXenioo<B extends Builder>(
  builder: B,
  { inbox, transaction, ...given }: XeniooOverrides,
): B {
  if (inbox !== undefined && inbox !== 'memory') {
    throw new XeniooTestingError(
      `overrideXenioo(): expected \`inbox\` to be 'memory', got ${quote(inbox)}.`,
    );
  }
  if (transaction !== undefined && inbox === undefined) {
    throw new XeniooTestingError(
      "overrideXenioo(): `transaction` needs `inbox: 'memory'`; the inbox of the application has transactions of its own.",
    );
  }
  // `undefined`, as from an environment variable that is not set, replaces nothing.
  const options = withoutUndefined(given);
  builder.overrideProvider(XENIOO_SETTINGS).useFactory({
    inject: [XENIOO_OPTIONS],
    factory: (given: () => XeniooOptions) =>
      resolveXeniooOptions({ ...withoutBots(given(), options), ...options }),
  });
  if (inbox === 'memory') {
    builder.overrideProvider(XeniooInbox).useFactory({
      inject: [XENIOO_SETTINGS],
      factory: (settings: XeniooSettings) =>
        new MemoryInbox(
          resolveMemoryInboxOptions({}),
          settings,
          transactWith(transaction),
        ),
    });
  }
  return builder;
}

function transactWith(
  transaction: XeniooTestTransaction = work => work(NO_TRANSACTION),
): XeniooTransact {
  return (_handler, work, { signal }) =>
    transaction(async tx => {
      await work(tx);
      signal.throwIfAborted();
    });
}

/** Removes the secret and the bots of the application if the test gives its own. */
function withoutBots(
  own: XeniooOptions,
  { secret, bots }: XeniooOptions,
): XeniooOptions {
  if (secret === undefined && bots === undefined) return own;
  const { secret: _secret, bots: _bots, ...rest } = own;
  return rest;
}
