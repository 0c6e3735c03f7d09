import { Injectable } from '@nestjs/common';

/** A store of the application. It resolves after a microtask, so that no storage is measured. */
@Injectable()
export class Store {
  writes = 0;
  /** Events that reached the listener of the event emitter. */
  heard = 0;

  async write(..._fields: readonly unknown[]): Promise<void> {
    this.writes++;
  }
}

/** Handlers of one event in the realistic scenario; each writes once. */
export const REALISTIC_HANDLERS = 3;
