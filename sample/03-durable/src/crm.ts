import { Injectable } from '@nestjs/common';
import {
  OnXenioo,
  OnXeniooFailed,
  UserMessageEvent,
  XeniooEventType,
  XeniooHandlerFailure,
} from 'nestjs-xenioo';

/** Saves messages in a CRM that is `flaky`, `up` or `down`, as the variable CRM says. */
@Injectable()
export class Crm {
  private readonly state = process.env.CRM ?? 'flaky';
  private calls = 0;

  @OnXenioo(XeniooEventType.UserMessage, {
    retry: { attempts: 3, delayMs: 200 },
  })
  async saveMessage(event: UserMessageEvent) {
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
