import { Injectable } from '@nestjs/common';
import {
  OnXenioo,
  OnXeniooFailed,
  UserMessageEvent,
  XeniooEventType,
  XeniooHandlerFailure,
} from 'nestjs-xenioo';
import { setTimeout as sleep } from 'node:timers/promises';

/** Saves messages in a CRM that takes CRM_TAKES_MS, and is `flaky`, `up` or `down`, as the variable CRM says. */
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
    // A message that is saved twice under one id must be there once.
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
