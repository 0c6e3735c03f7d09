import {
  MemoryInbox,
  type MemoryInboxSettings,
} from '../memory/memory.inbox.js';
import { XeniooInbox } from '../inbox/xenioo.inbox.js';
import { resolveXeniooOptions } from '../options/resolve-xenioo-options.js';
import { withoutUndefined } from '../options/without-undefined.js';
import {
  XENIOO_OPTIONS,
  XENIOO_SETTINGS,
  type XeniooOptions,
} from '../options/xenioo.options.js';

/** What a test changes of the options that the application has. */
export interface XeniooOverrides extends XeniooOptions {
  /** Keeps events in memory, whatever inbox the application has. */
  readonly inbox?: 'memory';
}

/** What is used of the `TestingModuleBuilder` of `@nestjs/testing`. */
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
 */
export function overrideXenioo<B extends Builder>(
  builder: B,
  { inbox, ...given }: XeniooOverrides,
): B {
  // What comes from an environment variable that is not set changes nothing.
  const options = withoutUndefined(given);
  builder.overrideProvider(XENIOO_SETTINGS).useFactory({
    inject: [XENIOO_OPTIONS],
    factory: (own: XeniooOptions) =>
      resolveXeniooOptions({ ...withoutBots(own, options), ...options }),
  });
  if (inbox === 'memory') {
    builder.overrideProvider(XeniooInbox).useFactory({
      inject: [XENIOO_SETTINGS],
      factory: (settings: MemoryInboxSettings) => new MemoryInbox(settings),
    });
  }
  return builder;
}

/** Where the test brings its own secret or bots, those of the application go. */
function withoutBots(
  own: XeniooOptions,
  { secret, bots }: XeniooOptions,
): XeniooOptions {
  if (secret === undefined && bots === undefined) return own;
  const { secret: _secret, bots: _bots, ...rest } = own;
  return rest;
}
