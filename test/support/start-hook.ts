import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { Test } from '@nestjs/testing';
import { onTestFinished } from 'vitest';
import { XeniooHookModule } from '../../lib/webhook/xenioo-hook.module.js';
import { XeniooHookRecorder } from '../../lib/webhook/xenioo.hook-recorder.js';
import { LogRecorder } from './log-recorder.js';

/** What the webhooks of an application share, with all that it logs and emits from now on. */
export async function startHook() {
  const logs = new LogRecorder();
  const app = await Test.createTestingModule({
    imports: [EventEmitterModule.forRoot(), XeniooHookModule],
  })
    .setLogger(logs)
    .compile();
  onTestFinished(() => app.close());
  await app.init();
  logs.lines.splice(0);
  const heard: unknown[][] = [];
  app.get(EventEmitter2).onAny((...values: unknown[]) => heard.push(values));
  return { app, logs, heard, recorder: app.get(XeniooHookRecorder) };
}
