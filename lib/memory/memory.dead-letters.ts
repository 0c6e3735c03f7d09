import { setImmediate } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { XeniooDeadLetter } from '../handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../handlers/xenioo-task.js';
import { restoreDeadLetter, storeDeadLetter } from '../inbox/stored-form.js';
import {
  LETTERS_PER_PAGE,
  matchesFilter,
  type XeniooDeadLetterQuery,
  type XeniooDeadLetterStore,
} from '../inbox/xenioo.dead-letter-store.js';
import { XeniooDeadLetterError } from '../xenioo.errors.js';

/** Upper bound in bytes of all stored letters. */
const MAX_BYTES = 64 * 2 ** 20;

/** Number of letters that `list()` restores before it yields to the event loop. */
const LETTERS_PER_TURN = 200;

const LOG_DROPPED_EVERY_MS = 60_000;

interface StoredLetter {
  readonly text: string;
  readonly bytes: number;
}

/** Stores dead letters as text in the memory of this process. Drops the oldest ones when their size exceeds `maxBytes`. */
export class MemoryDeadLetters implements XeniooDeadLetterStore {
  private readonly logger = new Logger('Xenioo');
  private readonly letters = new Map<string, StoredLetter>();
  /** Iterator at the oldest letter. It is kept, since a new one would step over every letter that was dropped before. */
  private oldest: MapIterator<string> | undefined;
  private bytes = 0;
  private dropped = 0;
  private loggedAt = -Infinity;

  constructor(
    private readonly addTasks: (tasks: readonly XeniooTask[]) => void,
    private readonly maxBytes = MAX_BYTES,
  ) {}

  get size(): number {
    return this.letters.size;
  }

  /** Adds a letter as the newest one. Replaces a letter with the same id. */
  add(letter: XeniooDeadLetter): void {
    this.delete(letter.id);
    const text = storeDeadLetter(letter);
    const bytes = Buffer.byteLength(text);
    if (bytes > this.maxBytes) {
      this.logDropped();
      return;
    }
    this.letters.set(letter.id, { text, bytes });
    this.bytes += bytes;
    this.dropOldest();
  }

  async get(id: string): Promise<XeniooDeadLetter | undefined> {
    const letter = this.letters.get(id);
    return letter && restoreDeadLetter(letter.text);
  }

  async list({
    limit = LETTERS_PER_PAGE,
    after,
    ...filter
  }: XeniooDeadLetterQuery = {}): Promise<XeniooDeadLetter[]> {
    if (after !== undefined && !this.letters.has(after)) {
      throw new XeniooDeadLetterError(`there is no dead letter ${after}`);
    }
    const page: XeniooDeadLetter[] = [];
    let isSkipping = after !== undefined;
    let restored = 0;
    for (const [id, { text }] of this.letters) {
      if (page.length >= limit) break;
      if (isSkipping) {
        isSkipping = id !== after;
        continue;
      }
      if (++restored % LETTERS_PER_TURN === 0) await setImmediate();
      const letter = restoreDeadLetter(text);
      if (matchesFilter(letter, filter)) page.push(letter);
    }
    return page;
  }

  async replay(id: string, tasks: readonly XeniooTask[]): Promise<boolean> {
    if (!this.delete(id)) return false;
    this.addTasks(tasks);
    return true;
  }

  async remove(id: string): Promise<boolean> {
    return this.delete(id);
  }

  private delete(id: string): boolean {
    this.bytes -= this.letters.get(id)?.bytes ?? 0;
    return this.letters.delete(id);
  }

  private dropOldest(): void {
    while (this.bytes > this.maxBytes) {
      this.oldest ??= this.letters.keys();
      const { done, value } = this.oldest.next();
      if (done) this.oldest = undefined;
      else if (this.delete(value)) this.logDropped();
    }
  }

  private logDropped(): void {
    this.dropped++;
    const now = performance.now();
    if (now - this.loggedAt < LOG_DROPPED_EVERY_MS) return;
    this.loggedAt = now;
    this.logger.error(
      `Dead letters exceed ${this.maxBytes} bytes of memory; the module drops the oldest (dropped so far: ${this.dropped}). Fix the handlers that fail, then replay or remove the letters with XeniooDeadLetters. A durable inbox keeps all of them.`,
    );
  }
}
