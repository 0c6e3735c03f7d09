import { Inject, Injectable, Logger } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import { InvalidXeniooEntry } from '../events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../events/parse-entry.js';
import { XENIOO_EVENT_NAMES } from '../events/xenioo-event.table.js';
import { settledWithin } from '../settled-within.js';
import { XENIOO_SETTINGS, type XeniooSettings } from '../xenioo.options.js';
import { XeniooBus } from './xenioo.bus.js';
import { XeniooExplorer } from './xenioo.explorer.js';
import type { XeniooHandler } from './xenioo.handler.js';

/** What came of one handler that matched an entry; `skipped` where a guard of its own denied it. */
export type XeniooOutcome =
  | { readonly handler: string; readonly status: 'done' | 'skipped' }
  | {
      readonly handler: string;
      readonly status: 'failed';
      readonly error: unknown;
    };

/**
 * Runs the handlers of one entry, side by side, and tells what came of each.
 * Never rejects.
 */
export type XeniooDispatch = (entry: XeniooEntry) => Promise<XeniooOutcome[]>;

/** Matches entries with handlers and runs them. Each instance of the module has its own. */
@Injectable()
export class XeniooDispatcher {
  private readonly logger = new Logger('Xenioo');

  constructor(
    @Inject(XENIOO_SETTINGS)
    private readonly settings: Pick<XeniooSettings, 'handlerTimeoutMs'>,
    private readonly explorer: XeniooExplorer,
    private readonly bus: XeniooBus,
  ) {}

  readonly dispatch: XeniooDispatch = async entry => {
    const attempts = this.explorer.handlers.map(h => this.attempt(h, entry));
    const outcomes = (await Promise.all(attempts)).filter(o => o !== undefined);
    this.bus.emit(busName(entry), entry);
    return outcomes;
  };

  private async attempt(
    handler: XeniooHandler,
    entry: XeniooEntry,
  ): Promise<XeniooOutcome | undefined> {
    try {
      if (!handler.matches(entry)) return undefined;
      const status = await this.inTime(handler, entry);
      return { handler: handler.name, status };
    } catch (error) {
      this.logFailure(handler, entry, error);
      return { handler: handler.name, status: 'failed', error };
    }
  }

  private async inTime(
    handler: XeniooHandler,
    entry: XeniooEntry,
  ): Promise<'done' | 'skipped'> {
    const { handlerTimeoutMs } = this.settings;
    const attempt = handler.handle(entry);
    if (await settledWithin(attempt, handlerTimeoutMs)) return attempt;
    this.logger.warn(
      `${handler.name} has not come to an end after ${handlerTimeoutMs} ms (\`handlerTimeoutMs\`): it counts as failed, and what it still does is not awaited.`,
    );
    throw new Error(`took longer than ${handlerTimeoutMs} ms`);
  }

  private logFailure(
    handler: XeniooHandler,
    entry: XeniooEntry,
    error: unknown,
  ): void {
    const what =
      entry instanceof InvalidXeniooEntry ? 'invalid entry' : entry.typeName;
    const { message, stack } = describeError(error);
    this.logger.error(
      `${handler.name} failed on ${what} ${entry.id}: ${message}`,
      stack,
    );
  }
}

function busName(entry: XeniooEntry): string {
  return entry instanceof InvalidXeniooEntry
    ? XENIOO_EVENT_NAMES.Invalid
    : `xenioo.${entry.typeName}`;
}
