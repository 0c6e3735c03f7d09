import {
  ConfigurableModuleBuilder,
  Inject,
  Logger,
  Module,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { XeniooHandlersModule } from '../handlers/xenioo-handlers.module.js';
import { XeniooObservers } from '../handlers/xenioo.observers.js';
import { XeniooInboxModule } from '../inbox/xenioo-inbox.module.js';
import { ScopeCheck } from '../options/scope.check.js';
import { withoutUndefined } from '../options/without-undefined.js';
import { XeniooWebhookModule } from '../webhook/xenioo-webhook.module.js';
import { XeniooUrls } from '../webhook/xenioo.urls.js';
import { createApiController } from './create-api-controller.js';
import { createPageController } from './create-page-controller.js';
import { EventRecorder } from './event.recorder.js';
import {
  assertGuarded,
  assertInspectorDefinition,
  DEFAULT_PATH,
  INSPECTOR_SETTINGS,
  resolveInspectorOptions,
  type XeniooInspectorDefinitionOptions,
  type XeniooInspectorOptions,
} from './inspector.options.js';
import { InspectorStateReader } from './inspector.state.js';
import { InspectorStreams } from './inspector.streams.js';
import { PageRoute } from './page.route.js';

/** Options of `XeniooInspectorModule.forRoot()`. */
export type XeniooInspectorModuleOptions = XeniooInspectorOptions &
  XeniooInspectorDefinitionOptions;

/** Options of `XeniooInspectorModule.forRootAsync()`, with one of `useFactory`, `useClass` and `useExisting`. */
export type XeniooInspectorModuleAsyncOptions = ConfigurableModuleAsyncOptions<
  XeniooInspectorOptions,
  'createXeniooInspectorOptions'
> &
  XeniooInspectorDefinitionOptions;

const INSPECTOR_OPTIONS = Symbol('nestjs-xenioo:inspector-options');

/** Injection token of the decorators of the API. */
const DECORATORS = Symbol('nestjs-xenioo:inspector-decorators');

type Extras = {
  [name in keyof XeniooInspectorDefinitionOptions]-?: NonNullable<
    XeniooInspectorDefinitionOptions[name]
  >;
};

const { ConfigurableModuleClass } =
  new ConfigurableModuleBuilder<XeniooInspectorOptions>({
    optionsInjectionToken: INSPECTOR_OPTIONS,
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createXeniooInspectorOptions')
    .setExtras<Extras>(
      { path: DEFAULT_PATH, decorators: [], pageDecorators: [], imports: [] },
      defineInstance,
    )
    .build();

/**
 * Serves a page that shows the events of this process as they come, the results of
 * their handlers and the dead letters, and replays them. It covers every instance of
 * `XeniooModule` in the application.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [
 *     XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET }),
 *     XeniooInspectorModule.forRoot({ decorators: [UseGuards(AdminGuard)] }),
 *   ],
 * })
 * export class AppModule {}
 * ```
 */
@Module({
  imports: [XeniooHandlersModule, XeniooInboxModule, XeniooWebhookModule],
})
export class XeniooInspectorModule
  implements
    OnModuleInit,
    OnApplicationBootstrap,
    OnModuleDestroy,
    OnApplicationShutdown
{
  private readonly logger = new Logger('Xenioo');
  private removeObserver = (): void => {};

  /** @internal */
  constructor(
    @Inject(DECORATORS) private readonly decorators: ClassDecorator[],
    private readonly observers: XeniooObservers,
    private readonly recorder: EventRecorder,
    private readonly streams: InspectorStreams,
    private readonly route: PageRoute,
    private readonly urls: XeniooUrls,
  ) {}

  /**
   * Configures the module with static options.
   * @throws {XeniooOptionsError} if options are invalid, here or while the application boots
   */
  static forRoot(options: XeniooInspectorModuleOptions): DynamicModule {
    assertInspectorDefinition(options, 'sync');
    return {
      ...ConfigurableModuleClass.forRoot(withoutUndefined(options)),
      module: XeniooInspectorModule,
    };
  }

  /**
   * Configures the module with options that a factory returns.
   * @throws {XeniooOptionsError} if options are invalid, here or while the application boots
   */
  static forRootAsync(
    options: XeniooInspectorModuleAsyncOptions,
  ): DynamicModule {
    assertInspectorDefinition(options, 'async');
    return {
      ...ConfigurableModuleClass.forRootAsync(withoutUndefined(options)),
      module: XeniooInspectorModule,
    };
  }

  /** @hidden */
  onModuleInit(): void {
    assertGuarded(this.decorators);
    this.removeObserver = this.observers.add(this.recorder);
  }

  /**
   * @throws {XeniooOptionsError} if another inspector has the same URL
   * @hidden
   */
  onApplicationBootstrap(): void {
    const { url } = this.route;
    if (url === undefined) return;
    this.urls.claim(url, this.route, XeniooInspectorModule.name);
    this.logger.log(`GET ${url}/ shows the events`);
    if (this.decorators.length > 0) return;
    this.logger.warn(
      `Everyone who reaches GET ${url}/ can read and replay events: \`decorators\` of XeniooInspectorModule is [].`,
    );
  }

  /** Ends the streams, which would keep the server from closing. */
  onModuleDestroy(): void {
    this.streams.close();
  }

  /** @hidden */
  onApplicationShutdown(): void {
    this.removeObserver();
  }
}

function defineInstance(
  definition: DynamicModule,
  { path: given, decorators, pageDecorators, imports }: Extras,
): DynamicModule {
  const path = given.replaceAll(/^\/|\/$/g, '');
  const id = Symbol(path);
  const options = definition.providers!.find(
    provider => 'provide' in provider && provider.provide === INSPECTOR_OPTIONS,
  ) as { readonly inject?: readonly unknown[] };
  return {
    ...definition,
    imports: [...(definition.imports ?? []), ...imports],
    controllers: [
      createApiController(path, decorators),
      createPageController(path, pageDecorators, id),
    ],
    providers: [
      ...definition.providers!,
      { provide: DECORATORS, useValue: decorators },
      {
        provide: INSPECTOR_SETTINGS,
        inject: [INSPECTOR_OPTIONS],
        useFactory: resolveInspectorOptions,
      },
      EventRecorder,
      InspectorStateReader,
      InspectorStreams,
      {
        provide: PageRoute,
        inject: [HttpAdapterHost],
        useFactory: (host: HttpAdapterHost) => new PageRoute(id, host),
      },
      {
        provide: ScopeCheck,
        inject: [ModuleRef],
        useFactory: (moduleRef: ModuleRef) =>
          new ScopeCheck(moduleRef, [
            {
              token: INSPECTOR_SETTINGS,
              factory: 'the factory of the options of the inspector',
              inject: options.inject ?? [],
            },
          ]),
      },
    ],
  };
}
