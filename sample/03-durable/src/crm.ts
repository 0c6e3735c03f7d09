import { Injectable } from '@nestjs/common';
import {
  OnXenioo,
  OnXeniooFailed,
  UserMessageEvent,
  XeniooEventType,
  XeniooHandlerFailure,
} from 'nestjs-xenioo';

/** Saves messages in a CRM that is `flaky`, or `up` or `down` if the variable CRM says so. */
@Injectable()
export class Crm {
  private readonly state = process.env.CRM ?? 'flaky';
  private calls = 0;

  @OnXenioo(XeniooEventType.UserMessage, {
    retry: { attempts: 3, delayMs: 200 },
  })
  async saveMessage(event: UserMessageEvent) {
    this.assertUp();
    // Saving twice what has this id must be the same as saving it once.
    console.log(`  saved    ${event.id.slice(0, 8)}: ${event.text}`);
  }

  @OnXeniooFailed()
  alert({ handler, event, attempts }: XeniooHandlerFailure) {
    console.log(
      `  gave up  ${event.id.slice(0, 8)}: ${handler} after ${attempts} attempts`,
    );
  }

  private assertUp() {
    const isDown = this.state === 'flaky' && this.calls++ % 2 === 0;
    if (isDown || this.state === 'down') throw new Error('the CRM is down');
  }
}
