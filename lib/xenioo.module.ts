import {
  Inject,
  Logger,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import { XeniooHandlersModule } from './handlers/xenioo-handlers.module.js';
import { XeniooExplorer } from './handlers/xenioo.explorer.js';
import { XeniooDispatcher } from './handlers/xenioo.dispatcher.js';
import { settledWithin } from './settled-within.js';
import { XeniooInboxModule } from './inbox/xenioo-inbox.module.js';
import { XeniooInbox } from './inbox/xenioo.inbox.js';
import { XeniooDeadLetters } from './inbox/xenioo.dead-letters.js';
import { XeniooProcessing } from './inbox/xenioo.processing.js';
import { copiesWarning } from './loaded-copies.js';
import { globalGuardTypes } from './handlers/nest-internals.js';
import { BotRegistry } from './webhook/bot.registry.js';
import { globalGuardWarning } from './webhook/global-guard-warning.js';
import { SilenceMonitor } from './webhook/silence.monitor.js';
import { XeniooWebhookStatus } from './webhook/xenioo.webhook-status.js';
import { XeniooWebhookModule } from './webhook/xenioo-webhook.module.js';
import { XeniooGate } from './webhook/xenioo.gate.js';
import { XENIOO_ROUTE, type XeniooRoute } from './webhook/xenioo.route.js';
import { withoutUndefined } from './options/without-undefined.js';
import { assertDefinition } from './options/assert-definition.js';
import {
  ConfigurableModuleClass,
  NOT_CONFIGURED,
  type XeniooModuleAsyncOptions,
  type XeniooModuleOptions,
} from './xenioo.module-definition.js';
import {
  XENIOO_SETTINGS,
  type XeniooSettings,
} from './options/xenioo.options.js';

/**
 * Receives calls of the Xenioo Events Webhook and passes the events to the methods
 * decorated with `@OnXenioo()`. Can be imported several times in one application,
 * each time with a different path.
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
  imports: [XeniooHandlersModule, XeniooInboxModule, XeniooWebhookModule],
  providers: [
    ...NOT_CONFIGURED,
    {
      provide: BotRegistry,
      inject: [XENIOO_SETTINGS],
      useFactory: (settings: XeniooSettings) => new BotRegistry(settings),
    },
    XeniooDispatcher,
    {
      provide: SilenceMonitor,
      inject: [XENIOO_SETTINGS, XeniooWebhookStatus],
      useFactory: (settings: XeniooSettings, status: XeniooWebhookStatus) =>
        settings.expectCallsWithinMinutes === undefined
          ? undefined
          : new SilenceMonitor(settings.expectCallsWithinMinutes, status),
    },
    XeniooGate,
  ],
})
export class XeniooModule
  extends ConfigurableModuleClass
  implements
    OnModuleInit,
    OnApplicationBootstrap,
    OnModuleDestroy,
    BeforeApplicationShutdown,
    OnApplicationShutdown
{
  private readonly logger = new Logger('Xenioo');
  private shutdownStartedAt: number | undefined;

  /** @internal */
  constructor(
    @Inject(XENIOO_SETTINGS) private readonly settings: XeniooSettings,
    private readonly gate: XeniooGate,
    private readonly inbox: XeniooInbox,
    private readonly deadLetters: XeniooDeadLetters,
    private readonly processing: XeniooProcessing,
    private readonly dispatcher: XeniooDispatcher,
    private readonly bots: BotRegistry,
    private readonly explorer: XeniooExplorer,
    @Inject(XENIOO_ROUTE) private readonly route: XeniooRoute,
    private readonly contexts: ExternalContextCreator,
  ) {
    super();
  }

  /**
   * Configures the module with static options.
   * @throws {XeniooOptionsError} if options are invalid, here or while the application boots
   */
  static override forRoot(options: XeniooModuleOptions): DynamicModule {
    assertDefinition(options, 'sync');
    return super.forRoot(withoutUndefined(options));
  }

  /**
   * Configures the module with options that a factory returns, such as from a
   * `ConfigService` or a vault.
   * @throws {XeniooOptionsError} if options are invalid, here or while the application boots
   */
  static override forRootAsync(
    options: XeniooModuleAsyncOptions,
  ): DynamicModule {
    assertDefinition(options, 'async');
    return super.forRootAsync(withoutUndefined(options));
  }

  /** @hidden */
  async onModuleInit(): Promise<void> {
    this.explorer.addBots(this.bots.fixedNames);
    this.deadLetters.register(this.inbox, name => this.bots.botNamed(name));
    await this.processing.register(this.inbox);
  }

  /** @hidden */
  async onApplicationBootstrap(): Promise<void> {
    const copies = copiesWarning();
    if (copies !== undefined) this.logger.warn(copies);
    const url = this.gate.open();
    await this.inbox.start(this.dispatcher);
    if (url === undefined) return;
    this.logger.log(
      `POST ${url} receives the events of ${this.bots.describe()}`,
    );
    const guards = globalGuardTypes(this.contexts);
    const warning = globalGuardWarning(url, this.route, guards);
    if (warning !== undefined) this.logger.warn(warning);
  }

  /** Drains the inbox before other providers disconnect, as far as the order of Nest's hooks allows. Calls are still accepted. */
  async onModuleDestroy(): Promise<void> {
    this.shutdownStartedAt ??= performance.now();
    this.gate.close();
    await this.drain();
  }

  /** Drains the events that were accepted since `onModuleDestroy()`. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.drain();
  }

  /** Stops the inbox, after the HTTP server was closed. */
  async onApplicationShutdown(): Promise<void> {
    const { shutdownTimeoutMs } = this.settings;
    // Half of the time is reserved for the inbox, even if closing the server took longer.
    const remainingMs = Math.max(
      this.remainingMs(shutdownTimeoutMs),
      shutdownTimeoutMs / 2,
    );
    await this.inbox.stop(Math.ceil(remainingMs));
  }

  private async drain(): Promise<void> {
    const remainingMs = this.remainingMs(this.settings.shutdownTimeoutMs / 2);
    if (remainingMs > 0) await settledWithin(this.inbox.drain(), remainingMs);
  }

  private remainingMs(timeoutMs: number): number {
    const startedAt = (this.shutdownStartedAt ??= performance.now());
    return timeoutMs - (performance.now() - startedAt);
  }
}
