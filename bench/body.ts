/** Secret that every server accepts. */
export const SECRET = 'bench-secret';

/** Start of an event's date; the index of the event in its call follows. */
const DATE = '2024-05-01T12:00:00.00';
const INDEX_DIGITS = 5;
const FIRST_CALL = Date.UTC(2024, 0, 1);
/** Start of an event's conversation; the index of the conversation in its call follows. */
const CONVERSATION = 'c0000-';
const CONVERSATIONS = 10_000;
const EVENTS_PER_CONVERSATION = 4;

let calls = 0;

/**
 * Bytes of a call with events of the same length, out of date order, four of each conversation.
 * They are made once. `renew()` then writes another date and another conversation over those of each event,
 * which gives every event a new id and costs the load generator some nanoseconds an event.
 */
export class Body {
  readonly bytes: Buffer;
  private readonly dates: readonly number[];
  private readonly conversations: readonly number[];

  constructor(events: number) {
    const conversations = Math.ceil(events / EVENTS_PER_CONVERSATION);
    const texts = shuffledIndexes(events).map((dateIndex, index) =>
      eventText(dateIndex, index % conversations),
    );
    const text = events === 1 ? texts[0]! : `[${texts.join(',')}]`;
    this.bytes = Buffer.from(text);
    this.dates = positionsOf(DATE, text);
    this.conversations = positionsOf(CONVERSATION, text);
  }

  /** Renews the events in bytes that end with this body; its own bytes by default. */
  renew(bytes: Buffer = this.bytes): Buffer {
    const call = calls++;
    // Two digits of the milliseconds belong to the date of the call: calls are 10 ms apart.
    const date = new Date(FIRST_CALL + call * 10).toISOString();
    const conversation = `c${String(call % CONVERSATIONS).padStart(4, '0')}-`;
    const start = bytes.length - this.bytes.length;
    write(date.slice(0, DATE.length), this.dates, bytes, start);
    write(conversation, this.conversations, bytes, start);
    return bytes;
  }
}

/** Indexes in an order that is random, and the same in every run. */
function shuffledIndexes(count: number): number[] {
  const indexes = Array.from({ length: count }, (_, index) => index);
  let random = 1;
  for (let last = count - 1; last > 0; last--) {
    random = (random * 16_807) % 2_147_483_647;
    const other = random % (last + 1);
    [indexes[last], indexes[other]] = [indexes[other]!, indexes[last]!];
  }
  return indexes;
}

function eventText(dateIndex: number, conversation: number): string {
  const date = DATE + String(dateIndex).padStart(INDEX_DIGITS, '0');
  return `{"Type":1,"ItemType":"Text","Data":"Good morning, I would like to know where my order is. It was sent on Monday.","Date":"${date}+00:00","BotToken":"5f6a9b2c-1d3e-4f50-8a7b-9c0d1e2f3a4b","AccountName":"Example Shop","ConversationId":"${CONVERSATION}${conversation}","UserName":"Ada Lovelace","Channel":"TelegramChannel"}`;
}

function positionsOf(part: string, text: string): number[] {
  const positions: number[] = [];
  let at = text.indexOf(part);
  for (; at >= 0; at = text.indexOf(part, at + 1)) positions.push(at);
  return positions;
}

function write(
  text: string,
  positions: readonly number[],
  bytes: Buffer,
  start: number,
): void {
  const changed = Buffer.from(text);
  for (const position of positions) {
    for (let index = 0; index < changed.length; index++) {
      bytes[start + position + index] = changed[index]!;
    }
  }
}
