import { InvalidXeniooEntry } from '../../lib/events/invalid-xenioo.entry.js';
import type { XeniooEntry } from '../../lib/events/parse-entry.js';
import type { XeniooDelivery } from '../../lib/events/xenioo-delivery.js';
import type { XeniooDeadLetter } from '../../lib/handlers/xenioo-dead-letter.js';
import type { XeniooTask } from '../../lib/handlers/xenioo-task.js';
import { recordRun, type XeniooRunRecord } from '../../lib/inbox/record-run.js';
import {
  restoreDeadLetter,
  restoreTask,
  storeDeadLetter,
  storeTask,
} from '../../lib/inbox/stored-form.js';
import {
  matchesFilter,
  type XeniooDeadLetterStore,
} from '../../lib/inbox/xenioo.dead-letter-store.js';
import {
  XeniooInbox,
  type XeniooRunner,
} from '../../lib/inbox/xenioo.inbox.js';
import { settledWithin } from '../../lib/settled-within.js';
import type {
  XeniooInboxSettings,
  XeniooInboxStorage,
} from '../../lib/testing/xenioo.inbox-under-test.js';
import {
  XeniooDeadLetterError,
  XeniooInboxError,
} from '../../lib/xenioo.errors.js';

/** Stands for the content of a disk. */
export class ReferenceStorage implements XeniooInboxStorage {
  readonly tasks: { text: string; dueAt: number }[] = [];
  readonly letters = new Map<string, string>();
  readonly ids = new Set<string>();
  isDown = false;

  constructor(
    private readonly inbox: typeof ReferenceInbox = ReferenceInbox,
    readonly isDurable = true,
  ) {}

  async open(settings: XeniooInboxSettings): Promise<XeniooInbox> {
    return new this.inbox(this, settings);
  }

  async interrupt(): Promise<() => Promise<void>> {
    this.isDown = true;
    return async () => void (this.isDown = false);
  }
}

export interface Pending {
  readonly task: XeniooTask;
  readonly dueAt: number;
  readonly stored: ReferenceStorage['tasks'][number];
  isRunning: boolean;
}

/** Simplest inbox that fulfils the contract; `ReferenceStorage` stands for its disk. */
export class ReferenceInbox extends XeniooInbox {
  protected readonly pending = new Set<Pending>();
  protected running = 0;
  protected runner: XeniooRunner | undefined;
  protected state: 'open' | 'draining' | 'stopped' | 'gone' = 'open';
  protected isPaused = false;
  protected announcing = 0;
  private readonly timers = new Set<NodeJS.Timeout>();
  private waiting: { isOver: () => boolean; resolve: () => void }[] = [];

  constructor(
    protected readonly storage: ReferenceStorage,
    protected readonly settings: XeniooInboxSettings,
  ) {
    super();
    for (const stored of storage.tasks) this.hold(stored);
  }

  override readonly deadLetters: XeniooDeadLetterStore = {
    list: async ({ limit = 100, after, ...filter } = {}) => {
      const { letters } = this.storage;
      if (after !== undefined && !letters.has(after)) {
        throw new XeniooDeadLetterError(`no dead letter ${after}`);
      }
      const from =
        after === undefined ? 0 : [...letters.keys()].indexOf(after) + 1;
      const newer = [...letters.values()].slice(from).map(restoreDeadLetter);
      return newer.filter(l => matchesFilter(l, filter)).slice(0, limit);
    },
    get: async id => {
      const text = this.storage.letters.get(id);
      return text === undefined ? undefined : restoreDeadLetter(text);
    },
    replay: async (id, tasks) => {
      if (!this.storage.letters.delete(id)) return false;
      for (const task of tasks) this.add(task);
      this.runDue();
      return true;
    },
    remove: async id => this.storage.letters.delete(id),
  };

  async accept({ bot, entries, carrier }: XeniooDelivery): Promise<void> {
    await this.assertAccepting();
    const fresh = this.inOrder(entries).filter(entry => this.isNew(entry));
    for (const entry of fresh) this.add({ entry, attempts: 0, carrier });
    const count = entries.length - fresh.length;
    if (count > 0) this.runner?.reportDuplicates({ bot, count });
    this.runDue();
  }

  async assertAccepting(): Promise<void> {
    const isOpen = this.state === 'open' || this.state === 'draining';
    if (!isOpen || this.storage.isDown) throw new XeniooInboxError('down');
  }

  async start(runner: XeniooRunner): Promise<void> {
    this.runner = runner;
    this.runDue();
  }

  async pause(): Promise<void> {
    this.isPaused = true;
  }

  async resume(): Promise<void> {
    this.isPaused = false;
    this.runDue();
  }

  async stats() {
    const first = [...this.pending].filter(({ task }) => !task.handler);
    const received = first.map(({ task }) => Number(task.entry.receivedAt));
    return {
      pending: first.length,
      running: this.running,
      retries: this.pending.size - first.length,
      deadLetters: this.storage.letters.size,
      ...(first.length > 0 && {
        oldestPendingAt: new Date(Math.min(...received)),
      }),
    };
  }

  idle(): Promise<void> {
    return this.until(() => this.pending.size === 0 && this.announcing === 0);
  }

  drain(): Promise<void> {
    if (this.state === 'open') this.state = 'draining';
    this.runDue();
    return this.storage.isDurable
      ? this.until(() => this.running === 0)
      : this.idle();
  }

  async stop(timeoutMs: number): Promise<void> {
    this.state = 'stopped';
    await settledWithin(this.drain(), timeoutMs);
    this.state = 'gone';
    for (const timer of this.timers) clearTimeout(timer);
  }

  /** Sorts the dated entries of each conversation; all others keep their places. */
  protected inOrder(entries: readonly XeniooEntry[]): readonly XeniooEntry[] {
    const dated = entries.filter(entry => wireDate(entry));
    dated.sort((one, other) => (wireDate(one)! < wireDate(other)! ? -1 : 1));
    const queues = new Map<unknown, XeniooEntry[]>();
    for (const entry of dated) {
      const queue = queues.get(conversationOf(entry));
      if (queue) queue.push(entry);
      else queues.set(conversationOf(entry), [entry]);
    }
    return entries.map(entry =>
      wireDate(entry) ? queues.get(conversationOf(entry))!.shift()! : entry,
    );
  }

  protected isNew(entry: XeniooEntry): boolean {
    const { dedupe } = this.settings;
    const { ids } = this.storage;
    if (!dedupe || !wireDate(entry)) return true;
    if (ids.has(entry.id)) return false;
    ids.add(entry.id);
    if (ids.size > dedupe.maxIds) ids.delete([...ids][0]!);
    return true;
  }

  protected add(task: XeniooTask, dueAt = 0): void {
    const stored = { text: storeTask(task), dueAt };
    this.storage.tasks.push(stored);
    this.hold(stored);
  }

  /** Tasks of one key run one after another. */
  protected keyOf({ handler, entry }: XeniooTask): string | undefined {
    return handler ? undefined : conversationOf(entry);
  }

  protected isDue({ task, dueAt }: Pending): boolean {
    return dueAt <= Date.now() || (this.isLast && task.handler !== undefined);
  }

  protected record({ stored }: Pending, record: XeniooRunRecord): void {
    const { tasks, letters } = this.storage;
    tasks.splice(tasks.indexOf(stored), 1);
    for (const retry of record.retries) this.add(retry.task, retry.dueAt);
    for (const { letter } of record.deadLetters) {
      letters.set(letter.id, storeDeadLetter(letter));
    }
  }

  protected runDue(): void {
    const { runner } = this;
    const busy = new Set<string>();
    for (const pending of this.pending) {
      if (!runner || this.isHeld || this.running >= this.settings.concurrency)
        return;
      const { task, isRunning } = pending;
      const conversation = this.keyOf(task);
      const isFree = !isRunning && !(conversation && busy.has(conversation));
      if (conversation) busy.add(conversation);
      if (!isFree || !this.isDue(pending)) continue;
      pending.isRunning = true;
      this.running++;
      void this.run(runner, pending);
    }
  }

  private async run(runner: XeniooRunner, pending: Pending): Promise<void> {
    const { task } = pending;
    const results = await runner.run(task, { isLast: this.isLast });
    if (this.state === 'gone') return;
    this.running--;
    this.pending.delete(pending);
    const record = recordRun(task, results);
    this.record(pending, record);
    for (const { letter, error } of record.deadLetters) {
      void this.announce(runner, letter, error);
    }
    this.settle();
    this.runDue();
  }

  private async announce(
    runner: XeniooRunner,
    letter: XeniooDeadLetter,
    error: unknown,
  ): Promise<void> {
    this.announcing++;
    await runner.announce(letter, error);
    this.announcing--;
    this.settle();
  }

  /** True while no retry can follow. */
  private get isLast(): boolean {
    return this.state !== 'open' && !this.storage.isDurable;
  }

  protected get isHeld(): boolean {
    if (this.state === 'gone') return true;
    const isStopping = this.state !== 'open';
    return isStopping ? this.storage.isDurable : this.isPaused;
  }

  private hold(stored: ReferenceStorage['tasks'][number]): void {
    const { text, dueAt } = stored;
    const task = restoreTask(text);
    this.pending.add({ task, dueAt, stored, isRunning: false });
    if (dueAt === 0) return;
    const run = () => {
      if (dueAt > Date.now()) this.timers.add(setTimeout(run, 1));
      else this.runDue();
    };
    this.timers.add(setTimeout(run, dueAt - Date.now()));
  }

  private until(isOver: () => boolean): Promise<void> {
    return new Promise(resolve => {
      this.waiting.push({ isOver, resolve });
      this.settle();
    });
  }

  private settle(): void {
    const over = this.waiting.filter(({ isOver }) => isOver());
    this.waiting = this.waiting.filter(waiting => !over.includes(waiting));
    for (const { resolve } of over) resolve();
  }
}

function wireDate({ raw }: XeniooEntry): string | undefined {
  return (raw as { Date?: string }).Date;
}

function conversationOf(entry: XeniooEntry): string | undefined {
  return entry instanceof InvalidXeniooEntry ? undefined : entry.conversationId;
}
