import { Logger } from '@nestjs/common';
import { XeniooDeadLetterError } from '../xenioo.errors.js';
import {
  letterWithout,
  restoreLetter,
  storeLetter,
  type XeniooDeadLetter,
} from '../inbox/dead-letter.js';
import {
  isMeant,
  LETTERS_A_PAGE,
  type XeniooDeadLetterQuery,
  type XeniooDeadLetterStore,
  type XeniooReplay,
} from '../inbox/xenioo.dead-letter-store.js';

/** How much is kept, in bytes of text. */
const MOST_BYTES = 64 * 2 ** 20;

/** How often it is told that letters are dropped. */
const TELL_EVERY_MS = 60_000;

interface Kept extends Pick<XeniooDeadLetter, 'kind'> {
  readonly text: string;
  readonly bytes: number;
  readonly handlers: readonly string[];
}

/** Keeps dead letters in the memory of this process, as text, and drops the oldest when they become too many. */
export class MemoryDeadLetters implements XeniooDeadLetterStore {
  private readonly logger = new Logger('Xenioo');
  private readonly letters = new Map<string, Kept>();
  /** Stands at the oldest, once one was dropped: a new one would go over the places of all that were. */
  private oldest: MapIterator<string> | undefined;
  private bytes = 0;
  private dropped = 0;
  private toldAt = -Infinity;

  constructor(
    /** Makes the entries of a letter pending again. */
    private readonly requeue: (replay: XeniooReplay) => void,
    private readonly mostBytes = MOST_BYTES,
  ) {}

  /** Adds a letter, or replaces that of the same id. */
  add(letter: XeniooDeadLetter): void {
    this.take(letter.id);
    const text = storeLetter(letter);
    const bytes = Buffer.byteLength(text);
    if (bytes > this.mostBytes) {
      this.tellDropped();
      return;
    }
    const { kind, failures } = letter;
    const handlers = failures.map(({ handler }) => handler);
    this.letters.set(letter.id, { text, bytes, kind, handlers });
    this.bytes += bytes;
    this.dropOldest();
  }

  /** The letter of an id, if there is one. */
  find(id: string): XeniooDeadLetter | undefined {
    const kept = this.letters.get(id);
    return kept && restoreLetter(kept.text);
  }

  async get(id: string): Promise<XeniooDeadLetter | undefined> {
    return this.find(id);
  }

  async list({
    limit = LETTERS_A_PAGE,
    after,
    ...filter
  }: XeniooDeadLetterQuery = {}): Promise<XeniooDeadLetter[]> {
    if (after !== undefined && !this.letters.has(after)) {
      throw new XeniooDeadLetterError(`there is no dead letter ${after}`);
    }
    const page: XeniooDeadLetter[] = [];
    let isBefore = after !== undefined;
    for (const [id, kept] of this.letters) {
      if (page.length >= limit) break;
      if (isBefore) {
        isBefore = id !== after;
        continue;
      }
      if (isMeant(kept, filter)) page.push(restoreLetter(kept.text));
    }
    return page;
  }

  async replay(id: string, replay: XeniooReplay): Promise<boolean> {
    const letter = this.find(id);
    if (!letter) return false;
    const rest = letterWithout(letter, replay.handlers);
    this.take(id);
    if (rest) this.add(rest);
    this.requeue(replay);
    return true;
  }

  async remove(id: string): Promise<boolean> {
    return this.take(id);
  }

  private take(id: string): boolean {
    this.bytes -= this.letters.get(id)?.bytes ?? 0;
    return this.letters.delete(id);
  }

  private dropOldest(): void {
    while (this.bytes > this.mostBytes) {
      this.oldest ??= this.letters.keys();
      const { done, value } = this.oldest.next();
      if (done) {
        this.oldest = undefined;
      } else {
        this.take(value);
        this.tellDropped();
      }
    }
  }

  private tellDropped(): void {
    this.dropped++;
    const now = performance.now();
    if (now - this.toldAt < TELL_EVERY_MS) return;
    this.toldAt = now;
    this.logger.error(
      `Dead letters take more than ${this.mostBytes} bytes of memory: the oldest are dropped, and what alone would take that much, ${this.dropped} so far. Mend what fails and replay or remove them, see XeniooDeadLetters; an inbox on disk keeps them all.`,
    );
  }
}
