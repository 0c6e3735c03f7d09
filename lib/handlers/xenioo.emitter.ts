import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { describeError } from '../describe-error.js';
import { XENIOO_EVENT_NAMES } from '../events/xenioo-event.table.js';
import { StartContext } from './handler-execution.js';

type Listener = (...values: unknown[]) => unknown;

/** The part of `EventEmitter2` that is used. */
interface EventEmitter {
  hasListeners(name: string): boolean;
  listeners(name: string): Listener[];
  listenersAny(): Listener[];
}

/**
 * Emits events on the host's event emitter, if it imports `EventEmitterModule`.
 * The emitter is found at run time: an import of `@nestjs/event-emitter` would
 * make it a required package.
 */
@Injectable()
export class XeniooEmitter implements OnModuleInit {
  private readonly logger = new Logger('Xenioo');
  private emitter: EventEmitter | undefined;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly context: StartContext,
  ) {}

  onModuleInit(): void {
    this.emitter = this.discovery
      .getProviders()
      .filter(({ host }) => host?.name === 'EventEmitterModule')
      .map(({ instance }): unknown => instance)
      .find(isEventEmitter);
  }

  /** Answers whether something listens to the events of this module. */
  hasListeners(): boolean {
    const { emitter } = this;
    if (!emitter) return false;
    const names = Object.values(XENIOO_EVENT_NAMES);
    return (
      emitter.listenersAny().length > 0 ||
      names.some(name => emitter.hasListeners(name))
    );
  }

  /**
   * Calls every listener of a name. Listeners are called here and not by
   * `emit()`: there, one that throws keeps the next from being called, and the
   * rejection of an earlier one is left unhandled, which ends the process.
   */
  emit(name: string, value: unknown): void {
    const { emitter } = this;
    if (!emitter) return;
    if (emitter.hasListeners(name)) {
      // The list is live: a listener that removes itself would shift it.
      for (const listener of emitter.listeners(name).slice()) {
        void this.call(name, heard => listener.call(emitter, heard), value);
      }
    }
    for (const listener of emitter.listenersAny().slice()) {
      void this.call(name, heard => listener.call(emitter, name, heard), value);
    }
  }

  private async call(
    name: string,
    listener: (value: unknown) => unknown,
    value: unknown,
  ): Promise<void> {
    try {
      await this.context.run(listener, value);
    } catch (error) {
      const { message, stack } = describeError(error);
      this.logger.error(`A listener of ${name} failed: ${message}`, stack);
    }
  }
}

function isEventEmitter(value: unknown): value is EventEmitter {
  const methods = ['hasListeners', 'listeners', 'listenersAny'] as const;
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every(
      name => typeof (value as Partial<EventEmitter>)[name] === 'function',
    )
  );
}
