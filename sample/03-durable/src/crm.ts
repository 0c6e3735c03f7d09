import { Injectable } from '@nestjs/common';
import {
  OnXenioo,
  OnXeniooFailed,
  UserMessageEvent,
  XeniooEventType,
  XeniooHandlerFailure,
} from 'nestjs-xenioo';
import { setTimeout as sleep } from 'node:timers/promises';

/** Saves messages in a simulated CRM. `CRM` is its state: `up`, `down` or `flaky`. `CRM_TAKES_MS` is its response time. */
@Injectable()
export class Crm {
  private readonly state = process.env.CRM ?? 'flaky';
  private readonly takesMs = Number(process.env.CRM_TAKES_MS ?? 0);
  private calls = 0;

  @OnXenioo(XeniooEventType.UserMessage, {
    retry: { attempts: 3, delayMs: 200 },
  })
  async saveMessage(event: UserMessageEvent) {
    await sleep(this.takesMs);
    this.assertUp();
    // An event may be handled twice: use its id as the key of the message.
    console.log(`  saved    ${event.id.slice(0, 8)}: ${event.text}`);
  }

  @OnXeniooFailed()
  alert({ handler, event, attempts }: XeniooHandlerFailure) {
    console.log(
      `  failed   ${event.id.slice(0, 8)}: ${handler} after ${attempts} attempts`,
    );
  }

  private assertUp() {
    const isDown = this.state === 'flaky' && this.calls++ % 2 === 0;
    if (isDown || this.state === 'down') throw new Error('the CRM is down');
  }
}
