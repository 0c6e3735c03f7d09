import { Injectable } from '@nestjs/common';
import { OnXenioo, XeniooEvent } from 'nestjs-xenioo';

/** Runs beside the handler of the CRM, whose retries do not run this one again. */
@Injectable()
export class Notes {
  @OnXenioo()
  note(event: XeniooEvent) {
    console.log(`  noted    ${event.id.slice(0, 8)}: ${event.typeName}`);
  }
}
