import { Injectable } from '@nestjs/common';
import { OnXenioo, XeniooEvent } from 'nestjs-xenioo';

/** Runs beside the CRM: what the CRM needs to be tried again does not run this again. */
@Injectable()
export class Notes {
  @OnXenioo()
  note(event: XeniooEvent) {
    console.log(`  noted    ${event.id.slice(0, 8)}: ${event.typeName}`);
  }
}
