import { randomUUID } from 'node:crypto';
import { XeniooEventType } from '../../events/xenioo-event-type.js';
import {
  xeniooEntry,
  type XeniooEntryName,
} from '../../simulator/xenioo-entry.js';
import {
  withFields,
  type XeniooWireEntry,
  type XeniooWireFields,
} from '../../simulator/xenioo-wire-entry.js';

/** `Channel` of all entries that the doctor sends: handlers can tell them apart by it. */
export const DOCTOR_CHANNEL = 'DoctorChannel';

/** What `ConversationId` begins with in all of them. */
export const DOCTOR_CONVERSATION = 'nestjs-xenioo-doctor';

/** Groups are of many conversations, as those of a busy bot. */
const CONVERSATIONS = 20;

const TYPE_NAMES = Object.keys(XeniooEventType).filter(
  name => !/^\d/.test(name),
);

/** Makes the entries that the doctor sends, each another one, dated now. */
export class DoctorEntries {
  private readonly run = randomUUID().slice(0, 8);
  private made = 0;

  constructor(private readonly botToken: string | undefined) {}

  /** What a user wrote, with every documented field but those of other types. */
  message(fields: XeniooWireFields = {}): XeniooWireEntry {
    const identity = this.identity();
    const Data = `Message ${this.made} of the doctor of nestjs-xenioo`;
    const Date = now('');
    return xeniooEntry.userMessage({ ...identity, Data, Date, ...fields });
  }

  /** The same with a date as Xenioo writes it. */
  messageInTicks(): XeniooWireEntry {
    return this.message({ Date: now('5678') });
  }

  /** One of each documented type, with the fields that it has in the documentation. */
  ofEachType(): XeniooWireEntry[] {
    return TYPE_NAMES.map(name => {
      const factory = `${name[0]!.toLowerCase()}${name.slice(1)}`;
      const entry = xeniooEntry[factory as XeniooEntryName](this.identity());
      const ours = Object.fromEntries(
        Object.keys(entry)
          .filter(field => /^(UserName|Data|Text|Name|Key)$/.test(field))
          .map(field => [field, DOCTOR_CONVERSATION]),
      );
      return withFields(entry, {
        ...ours,
        ...(entry.Date && { Date: now('') }),
      });
    });
  }

  /** So many messages of so many characters each, in a variable: handlers that print texts stay readable. */
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

/** The time with three fraction digits, and more. */
function now(digits: string): string {
  return `${new Date().toISOString().slice(0, -1)}${digits}+00:00`;
}
