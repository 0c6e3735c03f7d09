import {
  ConfigurableModuleBuilder,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
  type FactoryProvider,
  type Provider,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { describeError, isError } from './describe-error.js';
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

/** Options of the module definition. In `forRootAsync()` they stand next to `useFactory`. */
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
   * Decorators of the webhook controller, such as `UseGuards()`, or `Public()` and
   * `SkipThrottle()` to exempt it from global guards.
   * @default []
   */
  decorators: ClassDecorator[];

  /**
   * Inbox that stores accepted events until their handlers have run.
   * @default memoryInbox()
   */
  inbox: XeniooInboxProvider;

  /**
   * Describes the webhook in the OpenAPI document of `@nestjs/swagger`: its body, its
   * answers and its security `bearer`, which `DocumentBuilder.addBearerAuth()` defines.
   * @default false
   */
  openapi: boolean;
}

type OptionalDefinitionOptions = {
  [name in keyof XeniooDefinitionOptions]?:
    XeniooDefinitionOptions[name] | undefined;
};

/** Options of `XeniooModule.forRoot()`. */
export type XeniooModuleOptions = XeniooOptions & OptionalDefinitionOptions;

/** Options of `XeniooModule.forRootAsync()`, with one of `useFactory`, `useClass` and `useExisting`. */
export type XeniooModuleAsyncOptions = ConfigurableModuleAsyncOptions<
  XeniooOptions,
  'createXeniooOptions'
> &
  OptionalDefinitionOptions;

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

const OPTIONS_FACTORY = 'the factory of the module options';
const INBOX_FACTORY = 'the factory of the option `inbox`';

function defineInstance(
  definition: DynamicModule,
  { path, isGlobal, decorators, inbox, openapi }: XeniooDefinitionOptions,
): DynamicModule {
  const id = Symbol(path);
  const controller = createXeniooController(path, decorators, id, openapi);
  const hasDecorators = decorators.length > 0;
  const route: XeniooRoute = { id, controller, hasDecorators };
  const defined = definition.providers!;
  const options = wrapOptions(defined.find(isOptions) as OptionsProvider);
  const providers: Provider[] = [
    options,
    ...defined.filter(provider => !isOptions(provider)),
    {
      provide: XENIOO_SETTINGS,
      inject: [XENIOO_OPTIONS],
      useFactory: (options: () => XeniooOptions) =>
        resolveXeniooOptions(options()),
    },
    { provide: XENIOO_ROUTE, useValue: route },
    {
      provide: XeniooInbox,
      inject: inbox.inject ?? [],
      useFactory: async (...dependencies: unknown[]) =>
        assertInbox(
          await callFactory(INBOX_FACTORY, () =>
            inbox.useFactory(...dependencies),
          ),
        ),
    },
    {
      provide: ScopeCheck,
      inject: [ModuleRef],
      useFactory: (moduleRef: ModuleRef) =>
        new ScopeCheck(moduleRef, [
          {
            token: XENIOO_SETTINGS,
            factory: OPTIONS_FACTORY,
            inject: options.inject ?? [],
          },
          {
            token: XeniooInbox,
            factory: INBOX_FACTORY,
            inject: inbox.inject ?? [],
          },
        ]),
    },
  ];
  return {
    ...definition,
    global: isGlobal,
    controllers: [controller],
    // Getters, since copies of the package that are loaded later add providers. Nest reads them after all imports.
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

/** Makes the provider of the options provide a function that returns them, so that printing it shows no secret. */
function wrapOptions(
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
      const options = await callFactory(OPTIONS_FACTORY, () =>
        useFactory(...dependencies),
      );
      return () => options;
    },
  };
}

/**
 * Calls a factory of the application. Its errors are thrown as they are; another thrown
 * value has neither a stack nor the name of the module, and Nest logs nothing else.
 */
async function callFactory<T>(
  name: string,
  call: () => T | Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (isError(error)) throw error;
    const problem = `${name} threw a value that is not an Error: ${describeError(error).message}`;
    throw new XeniooOptionsError([problem], { cause: error });
  }
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
      'a module imports XeniooModule without options: import XeniooModule.forRoot({ secret }) or XeniooModule.forRootAsync(). If `isGlobal` is true, other modules need no import to inject its providers',
    ]);
  },
}));

/** @throws {XeniooOptionsError} if the factory of the application did not return an inbox */
function assertInbox(inbox: unknown): XeniooInbox {
  if (inbox instanceof XeniooInbox) return inbox;
  throw new XeniooOptionsError([
    `expected \`inbox.useFactory\` to return an instance of a class that extends XeniooInbox, got ${kindOf(inbox)}`,
  ]);
}
