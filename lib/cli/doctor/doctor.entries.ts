import { randomUUID } from 'node:crypto';
import { xeniooEntry } from '../../simulator/xenioo-entry.js';
import {
  withFields,
  type XeniooWireEntry,
  type XeniooWireFields,
} from '../../simulator/xenioo-wire-entry.js';
import { entryNameOf } from '../create-entry.js';
import { EVENT_TYPES } from '../option.parsers.js';

/** `Channel` of the entries that the doctor sends, by which handlers can recognise them. */
export const DOCTOR_CHANNEL = 'DoctorChannel';

/** Start of their `ConversationId`. */
export const DOCTOR_CONVERSATION = 'nestjs-xenioo-doctor';

/** Number of conversations to which the entries belong in turn. */
const CONVERSATIONS = 20;

/** Creates the entries that the doctor sends, each with its own ids and the current date. */
export class DoctorEntries {
  private readonly run = randomUUID().slice(0, 8);
  private made = 0;

  constructor(private readonly botToken: string | undefined) {}

  /** Makes a message of a user, with every documented field of its type. */
  message(fields: XeniooWireFields = {}): XeniooWireEntry {
    return xeniooEntry.userMessage({
      ...this.identity(),
      Data: `Message ${this.made} of the doctor of nestjs-xenioo`,
      Date: now(),
      ...fields,
    });
  }

  /** Makes a message with seven fraction digits in its date, as Xenioo writes it. */
  messageWithSevenDigits(): XeniooWireEntry {
    return this.message({ Date: now('5678') });
  }

  /** Makes an entry of each documented type, with the fields of the documentation. */
  ofEachType(): XeniooWireEntry[] {
    return EVENT_TYPES.map(name => {
      const entry = xeniooEntry[entryNameOf(name)](this.identity());
      const texts = Object.keys(entry)
        .filter(field => /^(UserName|Data|Text|Name|Key)$/.test(field))
        .map(field => [field, DOCTOR_CONVERSATION] as const);
      return withFields(entry, {
        ...Object.fromEntries(texts),
        ...(entry.Date && { Date: now() }),
      });
    });
  }

  /** Creates messages, each with a variable of a number of characters. */
  group(messages: number, characters: number): XeniooWireEntry[] {
    const filler = '.'.repeat(characters);
    return Array.from({ length: messages }, () => this.message({ filler }));
  }

  private identity(): XeniooWireFields {
    const conversation = ++this.made % CONVERSATIONS;
    return {
      AccountName: DOCTOR_CONVERSATION,
      UserName: DOCTOR_CONVERSATION,
      Channel: DOCTOR_CHANNEL,
      ConversationId: `${DOCTOR_CONVERSATION}-${this.run}-${conversation}`,
      ...(this.botToken !== undefined && { BotToken: this.botToken }),
    };
  }
}

/** Returns the current time, with further fraction digits. */
function now(digits = ''): string {
  return `${new Date().toISOString().slice(0, -1)}${digits}+00:00`;
}
