import { Injectable } from '@nestjs/common';
import { OnXenioo, XeniooEvent } from 'nestjs-xenioo';

/** Runs beside `Crm.saveMessage()`, whose retries do not repeat it. */
@Injectable()
export class Notes {
  @OnXenioo()
  note(event: XeniooEvent) {
    console.log(`  noted    ${event.id.slice(0, 8)}: ${event.typeName}`);
  }
}
