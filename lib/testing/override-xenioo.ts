import { XeniooInbox } from '../inbox/xenioo.inbox.js';
import { memoryInbox } from '../memory/memory-inbox.factory.js';
import { quote } from '../options/describe-value.js';
import { resolveXeniooOptions } from '../options/resolve-xenioo-options.js';
import { withoutUndefined } from '../options/without-undefined.js';
import {
  XENIOO_OPTIONS,
  XENIOO_SETTINGS,
  type XeniooOptions,
} from '../options/xenioo.options.js';
import { XeniooTestingError } from '../simulator/xenioo-testing.errors.js';

/** Options that replace those of the application in a test. */
export interface XeniooOverrides extends XeniooOptions {
  /**
   * Replaces the inbox of the application with `memoryInbox()`. The application does
   * not boot then if a handler is transactional: that needs the PostgreSQL inbox.
   */
  readonly inbox?: 'memory';
}

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
 * @throws {XeniooTestingError} when `inbox` is not `'memory'`
 */
export function overrideXenioo<B extends Builder>(
  builder: B,
  { inbox, ...given }: XeniooOverrides,
): B {
  if (inbox !== undefined && inbox !== 'memory') {
    throw new XeniooTestingError(
      `overrideXenioo(): expected \`inbox\` to be 'memory', got ${quote(inbox)}.`,
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
    const { inject = [], useFactory } = memoryInbox();
    const factory = useFactory as (settings: never) => unknown;
    builder.overrideProvider(XeniooInbox).useFactory({ inject, factory });
  }
  return builder;
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
