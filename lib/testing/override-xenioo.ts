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
  /** Replaces the inbox of the application by `memoryInbox()`. */
  readonly inbox?: 'memory';
}

/** The part of the `TestingModuleBuilder` of `@nestjs/testing` that is used. */
interface Builder {
  overrideProvider(token: unknown): {
    useFactory(provider: {
      inject: unknown[];
      factory: (given: never) => unknown;
    }): unknown;
  };
}

/**
 * Changes options of every `XeniooModule` of the application under test, and
 * leaves the others as they are.
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
  // An option from an environment variable that is not set changes nothing.
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

/** Leaves out the secret and the bots of the application where the test brings its own. */
function withoutBots(
  own: XeniooOptions,
  { secret, bots }: XeniooOptions,
): XeniooOptions {
  if (secret === undefined && bots === undefined) return own;
  const { secret: _secret, bots: _bots, ...rest } = own;
  return rest;
}
