import {
  ConfigurableModuleBuilder,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
  type FactoryProvider,
  type Provider,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { XeniooHandlersModule } from './handlers/xenioo-handlers.module.js';
import { XeniooObservers } from './handlers/xenioo.observers.js';
import { memoryInbox } from './memory/memory-inbox.factory.js';
import type { XeniooInboxProvider } from './inbox/xenioo.inbox-provider.js';
import { XeniooDeadLetters } from './inbox/xenioo.dead-letters.js';
import { XeniooInbox } from './inbox/xenioo.inbox.js';
import { XeniooProcessing } from './inbox/xenioo.processing.js';
import { providersForOtherCopies, registerCopy } from './loaded-copies.js';
import { XeniooInboxModule } from './inbox/xenioo-inbox.module.js';
import { kindOf } from './options/describe-value.js';
import { resolveXeniooOptions } from './options/resolve-xenioo-options.js';
import { ScopeCheck } from './options/scope.check.js';
import { createXeniooController } from './webhook/create-xenioo-controller.js';
import { XeniooWebhookStatus } from './webhook/xenioo.webhook-status.js';
import { XeniooWebhookModule } from './webhook/xenioo-webhook.module.js';
import { XENIOO_ROUTE, type XeniooRoute } from './webhook/xenioo.route.js';
import { XeniooOptionsError } from './xenioo.errors.js';
import {
  XENIOO_OPTIONS,
  XENIOO_SETTINGS,
  type XeniooOptions,
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

  /**
   * Shows the webhook in the OpenAPI document of `@nestjs/swagger`.
   * @default false
   */
  openapi: boolean;
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
  XeniooProcessing,
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
        openapi: false,
      },
      defineInstance,
    )
    .build();

function defineInstance(
  definition: DynamicModule,
  { path, isGlobal, decorators, inbox, openapi }: XeniooDefinitionOptions,
): DynamicModule {
  const id = Symbol(path);
  const controller = createXeniooController(path, decorators, id, openapi);
  const hasDecorators = decorators.length > 0;
  const route: XeniooRoute = { id, controller, hasDecorators };
  const given = definition.providers!;
  const options = hideOptions(given.find(isOptions) as OptionsProvider);
  const providers: Provider[] = [
    options,
    ...given.filter(provider => !isOptions(provider)),
    {
      provide: XENIOO_SETTINGS,
      inject: [XENIOO_OPTIONS],
      useFactory: (given: () => XeniooOptions) => resolveXeniooOptions(given()),
    },
    { provide: XENIOO_ROUTE, useValue: route },
    {
      provide: XeniooInbox,
      inject: inbox.inject ?? [],
      useFactory: async (...dependencies: unknown[]) =>
        assertInbox(await inbox.useFactory(...dependencies)),
    },
    {
      provide: ScopeCheck,
      inject: [ModuleRef],
      useFactory: (moduleRef: ModuleRef) =>
        new ScopeCheck(moduleRef, [
          {
            token: XENIOO_SETTINGS,
            factory: 'the factory of the options',
            inject: options.inject ?? [],
          },
          {
            token: XeniooInbox,
            factory: 'the factory of `inbox`',
            inject: inbox.inject ?? [],
          },
        ]),
    },
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

type OptionsProvider =
  | { readonly useValue: XeniooOptions; readonly useFactory?: undefined }
  | FactoryProvider<XeniooOptions>;

function isOptions(provider: Provider): boolean {
  return 'provide' in provider && provider.provide === XENIOO_OPTIONS;
}

/** Provides a function that returns the options: whoever prints a provider prints no secret. */
function hideOptions(
  given: OptionsProvider,
): FactoryProvider<() => XeniooOptions> {
  if (!given.useFactory) {
    const { useValue } = given;
    return { provide: XENIOO_OPTIONS, useFactory: () => () => useValue };
  }
  const { useFactory, inject = [] } = given;
  return {
    provide: XENIOO_OPTIONS,
    inject,
    useFactory: async (...dependencies: unknown[]) => {
      const options = await useFactory(...dependencies);
      return () => options;
    },
  };
}

/** Providers of a module that is imported without options: `forRoot()` and `forRootAsync()` replace them. */
export const NOT_CONFIGURED: Provider[] = [
  XENIOO_SETTINGS,
  XENIOO_ROUTE,
  XeniooInbox,
].map(provide => ({
  provide,
  useFactory() {
    throw new XeniooOptionsError([
      'a module imports the class XeniooModule, which has no options: import XeniooModule.forRoot({ secret }) or XeniooModule.forRootAsync(). A module that only uses its providers needs no import if `isGlobal` is true',
    ]);
  },
}));

/** A factory of the host may return anything. */
function assertInbox(inbox: unknown): XeniooInbox {
  if (inbox instanceof XeniooInbox) return inbox;
  throw new XeniooOptionsError([
    `expected \`inbox.useFactory\` to return an instance of a class that extends XeniooInbox, got ${kindOf(inbox)}`,
  ]);
}
