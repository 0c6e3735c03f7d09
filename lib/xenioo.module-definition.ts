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

/** Options that define the module; in `forRootAsync()` they are given beside `useFactory`. */
export interface XeniooDefinitionOptions {
  /**
   * Path of the webhook, after the global prefix of the application.
   * @default 'xenioo/webhook'
   */
  path: string;

  /**
   * Makes the module global.
   * @default false
   */
  isGlobal: boolean;

  /**
   * Decorators of the controller, such as `Public()` or `SkipThrottle()` to exempt it
   * from global guards, `UseGuards()` or `UseInterceptors()`.
   * @default []
   */
  decorators: ClassDecorator[];

  /**
   * Inbox that stores accepted events until their handlers have run.
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

/** Options of `XeniooModule.forRoot()`. */
export type XeniooModuleOptions = XeniooOptions & MaybeDefinitionOptions;

/** Options of `XeniooModule.forRootAsync()`, with one of `useFactory`, `useClass` and `useExisting`. */
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

/** Wraps the provider of the options so that it provides a function: printing the provider shows no secret. */
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

/** Providers that throw if the module is imported without options; `forRoot()` and `forRootAsync()` replace them. */
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

/** Checks the value that a factory of the application returned. */
function assertInbox(inbox: unknown): XeniooInbox {
  if (inbox instanceof XeniooInbox) return inbox;
  throw new XeniooOptionsError([
    `expected \`inbox.useFactory\` to return an instance of a class that extends XeniooInbox, got ${kindOf(inbox)}`,
  ]);
}
