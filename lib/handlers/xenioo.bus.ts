import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { describeError } from '../describe-error.js';
import { busNameOf } from '../events/bus-name-of.js';
import type { XeniooEntry } from '../events/parse-entry.js';

type Listener = (...values: unknown[]) => unknown;

/** The host's event emitter, if it imports `EventEmitterModule`. */
@Injectable()
export class XeniooBus implements OnModuleInit {
  private readonly logger = new Logger('Xenioo');
  private emitter: EventEmitter2 | undefined;

  constructor(private readonly moduleRef: ModuleRef) {}

  onModuleInit(): void {
    try {
      this.emitter = this.moduleRef.get(EventEmitter2, { strict: false });
    } catch {
      this.emitter = undefined;
    }
  }

  /** Lets every listener hear of an entry whose handlers have run. */
  emitEntry(entry: XeniooEntry): void {
    if (this.emitter) this.emit(busNameOf(entry), entry);
  }

  /**
   * Lets every listener hear it. Listeners are called here and not by the emitter:
   * there, one that throws at once keeps the next from hearing it, and leaves
   * the rejection of an earlier one unhandled, which ends the process. The
   * emitter's lists are live: one that leaves while it is called would shift them.
   */
  emit(name: string, value: unknown): void {
    const { emitter } = this;
    if (!emitter) return;
    for (const listener of [...emitter.listeners(name)] as Listener[]) {
      void this.call(name, () => listener.call(emitter, value));
    }
    for (const listener of [...emitter.listenersAny()] as Listener[]) {
      void this.call(name, () => listener.call(emitter, name, value));
    }
  }

  private async call(name: string, listener: () => unknown): Promise<void> {
    try {
      await listener();
    } catch (error) {
      const { message, stack } = describeError(error);
      this.logger.error(`A listener of ${name} failed: ${message}`, stack);
    }
  }
}
