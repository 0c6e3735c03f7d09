import {
  ConfigurableModuleBuilder,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
  type Provider,
} from '@nestjs/common';
import { XeniooHandlersModule } from './handlers/xenioo-handlers.module.js';
import { XeniooDispatcher } from './handlers/xenioo.dispatcher.js';
import { XeniooObservers } from './handlers/xenioo.observers.js';
import { memoryInbox } from './memory/memory-inbox.factory.js';
import type { XeniooInboxProvider } from './inbox/xenioo.inbox-provider.js';
import { XeniooDeadLetters } from './inbox/xenioo.dead-letters.js';
import { XeniooInbox } from './inbox/xenioo.inbox.js';
import { providersForOtherCopies, registerCopy } from './loaded-copies.js';
import { XeniooInboxModule } from './inbox/xenioo-inbox.module.js';
import { kindOf } from './options/describe-value.js';
import { resolveXeniooOptions } from './options/resolve-xenioo-options.js';
import { createXeniooController } from './webhook/create-xenioo-controller.js';
import { BotRegistry } from './webhook/bot.registry.js';
import { XeniooWebhookStatus } from './webhook/xenioo.webhook-status.js';
import { XeniooWebhookModule } from './webhook/xenioo-webhook.module.js';
import { XeniooGate } from './webhook/xenioo.gate.js';
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
   * Stores what was accepted until its handlers have run.
   * @default memoryInbox()
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

registerCopy({
  XeniooDeadLetters,
  XeniooInbox,
  XeniooObservers,
  XeniooWebhookStatus,
});

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
        inbox: memoryInbox(),
      },
      defineInstance,
    )
    .build();

function defineInstance(
  definition: DynamicModule,
  { path, isGlobal, decorators, inbox }: XeniooDefinitionOptions,
): DynamicModule {
  const id = Symbol(path);
  const controller = createXeniooController(path, decorators, id);
  const hasDecorators = decorators.length > 0;
  const route: XeniooRoute = { id, controller, hasDecorators };
  const providers: Provider[] = [
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
      provide: BotRegistry,
      inject: [XENIOO_SETTINGS],
      useFactory: (settings: XeniooSettings) => new BotRegistry(settings),
    },
    XeniooDispatcher,
    XeniooGate,
  ];
  return {
    ...definition,
    global: isGlobal,
    controllers: [controller],
    // Getters: Nest reads them when all copies of the package are loaded.
    get providers() {
      return [...providers, ...providersForOtherCopies()];
    },
    get exports() {
      const shared = providersForOtherCopies().map(({ provide }) => provide);
      return [
        XeniooInbox,
        XeniooHandlersModule,
        XeniooInboxModule,
        XeniooWebhookModule,
        ...shared,
      ];
    },
  };
}

/** A factory of the host may return anything. */
function assertInbox(inbox: unknown): XeniooInbox {
  if (inbox instanceof XeniooInbox) return inbox;
  throw new XeniooOptionsError([
    `expected \`inbox.useFactory\` to return an instance of a class that extends XeniooInbox, got ${kindOf(inbox)}`,
  ]);
}
