/** What every server lets in. */
export const SECRET = 'bench-secret';

/** What another date is written over: up to the second of the seven fraction digits. */
const CHANGING = '2024-05-01T12:00:00.00';
/** The other fraction digits are the index of an event in its call. */
const INDEX_DIGITS = 5;
const FIRST_CALL = Date.UTC(2024, 0, 1);

let calls = 0;

/**
 * The bytes of a call, made once; `renew` makes every event in them one that
 * never came before, by writing another date over that of each: what changes
 * is the same 22 characters for all events of a call, and behind them the index
 * of the event stands for good. That takes some nanoseconds an event.
 */
export class Body {
  readonly bytes: Buffer;
  private readonly dates: number[] = [];

  constructor(readonly events: number) {
    const texts = Array.from({ length: events }, (_, index) =>
      eventText(index),
    );
    const text = events === 1 ? texts[0]! : `[${texts.join(',')}]`;
    this.bytes = Buffer.from(text);
    let at = text.indexOf(CHANGING);
    for (; at >= 0; at = text.indexOf(CHANGING, at + 1)) this.dates.push(at);
  }

  /** Writes into bytes that end with this body, its own if no others are given. */
  renew(bytes: Buffer = this.bytes): Buffer {
    const before = bytes.length - this.bytes.length;
    // Two fraction digits of the milliseconds: a call is 10 ms later than the last.
    const date = new Date(FIRST_CALL + calls++ * 10).toISOString();
    const changed = Buffer.from(date.slice(0, CHANGING.length));
    for (const date of this.dates) {
      const at = before + date;
      for (let index = 0; index < changed.length; index++) {
        bytes[at + index] = changed[index]!;
      }
    }
    return bytes;
  }

  /** As text, made anew. */
  renewedText(): string {
    return this.renew().toString();
  }
}

function eventText(index: number): string {
  const ticks = CHANGING + String(index).padStart(INDEX_DIGITS, '0');
  return `{"Type":1,"ItemType":"Text","Data":"Good morning, I would like to know where my order is. It was sent on Monday.","Date":"${ticks}+00:00","BotToken":"5f6a9b2c-1d3e-4f50-8a7b-9c0d1e2f3a4b","AccountName":"Example Shop","ConversationId":"c${index % 5_000}","UserName":"Ada Lovelace","Channel":"TelegramChannel"}`;
}
