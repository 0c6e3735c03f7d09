import { Injectable } from '@nestjs/common';
import {
  InvalidXeniooEntry,
  OnXenioo,
  OnXeniooInvalid,
  XeniooEvent,
} from '../../lib/index.js';

/** A host's provider that handles everything, and keeps it for tests to look at. */
@Injectable()
export class Handled {
  readonly events: XeniooEvent[] = [];
  readonly invalid: InvalidXeniooEntry[] = [];

  @OnXenioo()
  handle(event: XeniooEvent): void {
    this.events.push(event);
  }

  @OnXeniooInvalid()
  keep(entry: InvalidXeniooEntry): void {
    this.invalid.push(entry);
  }
}
