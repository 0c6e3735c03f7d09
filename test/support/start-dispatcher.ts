import type { Provider } from '@nestjs/common';
import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { Test } from '@nestjs/testing';
import { onTestFinished } from 'vitest';
import type { XeniooEntry } from '../../lib/events/parse-entry.js';
import { XeniooHandlersModule } from '../../lib/handlers/xenioo-handlers.module.js';
import type { XeniooTask } from '../../lib/handlers/xenioo-task.js';
import { XeniooDispatcher } from '../../lib/handlers/xenioo.dispatcher.js';
import type { XeniooRetrySettings } from '../../lib/options/xenioo-retry.js';
import {
  XENIOO_SETTINGS,
  type XeniooSettings,
} from '../../lib/options/xenioo.options.js';
import { LogRecorder } from './log-recorder.js';

/** Three attempts without a delay. */
export const AT_ONCE: XeniooRetrySettings = {
  attempts: 3,
  backoff: 'fixed',
  delayMs: 0,
  maxDelayMs: 0,
};

/** Starts a dispatcher with these handlers, which have one attempt by default. */
export async function startDispatcher(
  providers: Provider[],
  settings: Partial<XeniooSettings> = {},
) {
  const logs = new LogRecorder();
  const app = await Test.createTestingModule({
    imports: [EventEmitterModule.forRoot(), XeniooHandlersModule],
    providers: [
      {
        provide: XENIOO_SETTINGS,
        useValue: {
          concurrency: 32,
          handlerTimeoutMs: 60_000,
          retry: false,
          ...settings,
        },
      },
      XeniooDispatcher,
      ...providers,
    ],
  })
    .setLogger(logs)
    .compile();
  onTestFinished(() => app.close());
  await app.init();
  const emitter = app.get(EventEmitter2);
  const dispatcher = app.get(XeniooDispatcher);
  /** Runs the task of an entry; by default its first run. */
  const run = (
    entry: XeniooEntry,
    {
      isLast = false,
      ...task
    }: Partial<XeniooTask> & { isLast?: boolean } = {},
  ) => dispatcher.run({ entry, attempts: 0, ...task }, { isLast });
  return { app, logs, emitter, dispatcher, run };
}
