import {
  Inject,
  Logger,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import { XeniooHandlersModule } from './handlers/xenioo-handlers.module.js';
import { XeniooDispatcher } from './handlers/xenioo.dispatcher.js';
import { settledWithin } from './settled-within.js';
import { XeniooInboxModule } from './inbox/xenioo-inbox.module.js';
import { XeniooInbox } from './inbox/xenioo.inbox.js';
import { XeniooInboxRegistry } from './inbox/xenioo.inbox-registry.js';
import { hasGlobalGuards } from './handlers/nest-internals.js';
import { XeniooHookModule } from './webhook/xenioo-hook.module.js';
import { XeniooGate } from './webhook/xenioo.gate.js';
import { XeniooKeyring } from './webhook/xenioo.keyring.js';
import { XENIOO_ROUTE, type XeniooRoute } from './webhook/xenioo.route.js';
import { withoutUndefined } from './options/without-undefined.js';
import { assertDefinition } from './options/xenioo-definition.check.js';
import {
  ConfigurableModuleClass,
  type XeniooModuleAsyncOptions,
  type XeniooModuleOptions,
} from './xenioo.module-definition.js';
import { XENIOO_SETTINGS, type XeniooSettings } from './options/xenioo.options.js';

/**
 * Receives the Events Webhook of Xenioo and gives its events to the methods
 * decorated with `@OnXenioo()`. May be imported several times in one
 * application, each with a path of its own.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [XeniooModule.forRoot({ secret: process.env.XENIOO_SECRET })],
 *   providers: [Crm],
 * })
 * export class AppModule {}
 * ```
 */
@Module({
  imports: [XeniooHandlersModule, XeniooInboxModule, XeniooHookModule],
})
export class XeniooModule
  extends ConfigurableModuleClass
  implements
    OnModuleInit,
    OnApplicationBootstrap,
    BeforeApplicationShutdown,
    OnApplicationShutdown
{
  private readonly logger = new Logger('Xenioo');
  private shutdownStarted: number | undefined;

  constructor(
    @Inject(XENIOO_SETTINGS) private readonly settings: XeniooSettings,
    private readonly gate: XeniooGate,
    private readonly inbox: XeniooInbox,
    private readonly inboxes: XeniooInboxRegistry,
    private readonly dispatcher: XeniooDispatcher,
    private readonly keyring: XeniooKeyring,
    @Inject(XENIOO_ROUTE) private readonly route: XeniooRoute,
    private readonly contexts: ExternalContextCreator,
  ) {
    super();
  }

  /**
   * Configures the module with options that are known now.
   * @throws {XeniooOptionsError} what is wrong with them, here or while the application boots
   */
  static override forRoot(options: XeniooModuleOptions): DynamicModule {
    assertDefinition(options, 'sync');
    return super.forRoot(withoutUndefined(options));
  }

  /**
   * Configures the module with options that a factory makes, from a
   * `ConfigService` or a vault.
   * @throws {XeniooOptionsError} what is wrong with them, here or while the application boots
   */
  static override forRootAsync(
    options: XeniooModuleAsyncOptions,
  ): DynamicModule {
    assertDefinition(options, 'async');
    return super.forRootAsync(withoutUndefined(options));
  }

  onModuleInit(): void {
    this.inboxes.register(this.inbox, name => this.keyring.botNamed(name));
  }

  async onApplicationBootstrap(): Promise<void> {
    const url = this.gate.open();
    await this.inbox.start(this.dispatcher.dispatch);
    if (url === undefined) return;
    this.logger.log(
      `POST ${url} receives the events of ${this.keyring.describe()}`,
    );
    if (!this.route.hasDecorators && hasGlobalGuards(this.contexts)) {
      this.logger.warn(
        `The application has global guards, and they are asked for POST ${url} too. If one denies what has no token of its own, Xenioo stops calling: give the module the decorator that it looks for, as XeniooModule.forRoot({ …, decorators: [Public()] }).`,
      );
    }
  }

  /**
   * The server still takes calls: half of the time is left for what it took last.
   */
  async beforeApplicationShutdown(): Promise<void> {
    this.shutdownStarted = performance.now();
    this.gate.end();
    const { shutdownTimeoutMs } = this.settings;
    await settledWithin(this.inbox.drain(), shutdownTimeoutMs / 2);
  }

  /** The server is closed: what it took last is handled too. */
  async onApplicationShutdown(): Promise<void> {
    const { shutdownTimeoutMs } = this.settings;
    const started = this.shutdownStarted ?? performance.now();
    const left = shutdownTimeoutMs - (performance.now() - started);
    // However long the server took to close.
    await this.inbox.stop(Math.ceil(Math.max(left, shutdownTimeoutMs / 2)));
  }
}
