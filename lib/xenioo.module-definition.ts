import {
  ConfigurableModuleBuilder,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
} from '@nestjs/common';
import { XeniooDispatcher } from './handlers/xenioo.dispatcher.js';
import { MemoryInbox } from './memory/memory.inbox.js';
import type { XeniooInboxProvider } from './inbox/xenioo.inbox-provider.js';
import { XeniooInbox } from './inbox/xenioo.inbox.js';
import { XeniooInboxModule } from './inbox/xenioo-inbox.module.js';
import { kindOf } from './options/describe-value.js';
import { resolveXeniooOptions } from './options/resolve-xenioo-options.js';
import { createXeniooController } from './webhook/create-xenioo-controller.js';
import { XeniooHookModule } from './webhook/xenioo-hook.module.js';
import { XeniooGate } from './webhook/xenioo.gate.js';
import { XeniooKeyring } from './webhook/xenioo.keyring.js';
import { XENIOO_ROUTE, type XeniooRoute } from './webhook/xenioo.route.js';
import { XeniooOptionsError } from './xenioo.errors.js';
import {
  XENIOO_OPTIONS,
  XENIOO_SETTINGS,
  type XeniooOptions,
  type XeniooSettings,
} from './options/xenioo.options.js';

/** The options that are known when the module is defined; in the async form they stand beside `useFactory`. */
export interface XeniooDefinitionOptions {
  /**
   * Path of the webhook, behind the global prefix of the application.
   * @default 'xenioo/webhook'
   */
  path: string;

  /**
   * Whether the module is global.
   * @default false
   */
  isGlobal: boolean;

  /**
   * Put on the controller: what keeps the host's own guards away from it, as
   * `Public()` or `SkipThrottle()`, and `UseGuards()` or `UseInterceptors()` of your own.
   * @default []
   */
  decorators: ClassDecorator[];

  /**
   * Keeps what was accepted until its handlers have run.
   * @default the memory inbox
   */
  inbox: XeniooInboxProvider;
}

type MaybeDefinitionOptions = {
  [name in keyof XeniooDefinitionOptions]?:
    XeniooDefinitionOptions[name] | undefined;
};

/** What `XeniooModule.forRoot()` takes. */
export type XeniooModuleOptions = XeniooOptions & MaybeDefinitionOptions;

/** What `XeniooModule.forRootAsync()` takes: one of `useFactory`, `useClass` and `useExisting`. */
export type XeniooModuleAsyncOptions = ConfigurableModuleAsyncOptions<
  XeniooOptions,
  'createXeniooOptions'
> &
  MaybeDefinitionOptions;

const MEMORY_INBOX: XeniooInboxProvider = {
  inject: [XENIOO_SETTINGS],
  useFactory: (settings: XeniooSettings) => new MemoryInbox(settings),
};

export const { ConfigurableModuleClass } =
  new ConfigurableModuleBuilder<XeniooOptions>({
    optionsInjectionToken: XENIOO_OPTIONS,
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createXeniooOptions')
    .setExtras<XeniooDefinitionOptions>(
      {
        path: 'xenioo/webhook',
        isGlobal: false,
        decorators: [],
        inbox: MEMORY_INBOX,
      },
      defineInstance,
    )
    .build();

function defineInstance(
  definition: DynamicModule,
  { path, isGlobal, decorators, inbox }: XeniooDefinitionOptions,
): DynamicModule {
  const route: XeniooRoute = {
    id: Symbol(path),
    hasDecorators: decorators.length > 0,
  };
  return {
    ...definition,
    global: isGlobal,
    controllers: [createXeniooController(path, decorators, route)],
    providers: [
      ...(definition.providers ?? []),
      {
        provide: XENIOO_SETTINGS,
        inject: [XENIOO_OPTIONS],
        useFactory: resolveXeniooOptions,
      },
      { provide: XENIOO_ROUTE, useValue: route },
      {
        provide: XeniooInbox,
        inject: inbox.inject ?? [],
        useFactory: async (...dependencies: unknown[]) =>
          assertInbox(await inbox.useFactory(...dependencies)),
      },
      {
        provide: XeniooKeyring,
        inject: [XENIOO_SETTINGS],
        useFactory: (settings: XeniooSettings) => new XeniooKeyring(settings),
      },
      XeniooDispatcher,
      XeniooGate,
    ],
    exports: [XeniooInbox, XeniooInboxModule, XeniooHookModule],
  };
}

/** A factory of the host may return anything. */
function assertInbox(inbox: unknown): XeniooInbox {
  if (inbox instanceof XeniooInbox) return inbox;
  throw new XeniooOptionsError([
    `expected \`inbox.useFactory\` to return an instance of a class that extends XeniooInbox, got ${kindOf(inbox)}`,
  ]);
}
