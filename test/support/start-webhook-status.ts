import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { Test } from '@nestjs/testing';
import { onTestFinished } from 'vitest';
import { XeniooWebhookModule } from '../../lib/webhook/xenioo-webhook.module.js';
import { XeniooWebhookStatus } from '../../lib/webhook/xenioo.webhook-status.js';
import { LogRecorder } from './log-recorder.js';

/** Starts an application and returns its webhook status, with everything that it logs and emits from then on. */
export async function startWebhookStatus() {
  const logs = new LogRecorder();
  const app = await Test.createTestingModule({
    imports: [EventEmitterModule.forRoot(), XeniooWebhookModule],
  })
    .setLogger(logs)
    .compile();
  onTestFinished(() => app.close());
  await app.init();
  logs.lines.splice(0);
  const heard: unknown[][] = [];
  app.get(EventEmitter2).onAny((...values: unknown[]) => heard.push(values));
  return { app, logs, heard, status: app.get(XeniooWebhookStatus) };
}
