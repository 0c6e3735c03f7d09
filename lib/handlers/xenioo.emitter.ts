import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { describeError } from '../describe-error.js';
import { XENIOO_EVENT_NAMES } from '../events/xenioo-event.table.js';
import { StartContext } from './handler-execution.js';

type Listener = (...values: unknown[]) => unknown;

/** The part of `EventEmitter2` that this file uses. */
interface EventEmitter {
  hasListeners(name: string): boolean;
  listeners(name: string): Listener[];
  listenersAny(): Listener[];
}

/**
 * Emits events on the application's event emitter, if it imports `EventEmitterModule`.
 * The emitter is looked up at run time, because importing `@nestjs/event-emitter`
 * would make it a required package.
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

  /** Returns true if the emitter has a listener for an event of this module. */
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
   * Calls every listener of a name. `EventEmitter2.emit()` is not used: if a listener
   * throws, it does not call the next one and leaves the rejections of earlier ones
   * unhandled, which ends the process.
   */
  emit(name: string, value: unknown): void {
    const { emitter } = this;
    if (!emitter) return;
    if (emitter.hasListeners(name)) {
      // A copy, because a listener that removes itself changes the list.
      for (const listener of emitter.listeners(name).slice()) {
        void this.call(name, given => listener.call(emitter, given), value);
      }
    }
    for (const listener of emitter.listenersAny().slice()) {
      void this.call(name, given => listener.call(emitter, name, given), value);
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
      this.logger.error(
        `A listener of ${name} on the event emitter failed; the delivery is not affected: ${message}`,
        stack,
      );
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
