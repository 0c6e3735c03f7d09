import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../describe-error.js';
import type { XeniooDispatch } from '../handlers/xenioo.dispatch.js';
import type { XeniooDeadLetterStore } from '../inbox/xenioo.dead-letter-store.js';
import { XeniooInbox, type XeniooDelivery } from '../inbox/xenioo.inbox.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import { BullmqAcceptance } from './bullmq.acceptance.js';
import { BullmqConnection } from './bullmq.connection.js';
import { BullmqDeadLetters } from './bullmq.dead-letters.js';
import type { BullmqEngine } from './bullmq.engine.js';
import { BullmqHandling } from './bullmq.handling.js';
import type { BullmqInboxSettings } from './bullmq.inbox-options.js';

/** How long to wait before looking again whether nothing is pending. */
const LOOK_AGAIN_AFTER_MS = 20;

const SECONDS_A_DAY = 86_400;

/** What it takes from the options of its instance. */
export type BullmqInboxInstanceSettings = Pick<
  XeniooSettings,
  'concurrency' | 'dedupe' | 'acceptTimeoutMs'
>;

/**
 * Keeps what was accepted in a queue of BullMQ, on Redis or PostgreSQL: a call is
 * answered 200 when the engine has committed it, and any process that works on the
 * queue handles it.
 */
export class BullmqInbox extends XeniooInbox {
  override readonly place: string;
  override readonly deadLetters: XeniooDeadLetterStore;

  private readonly logger = new Logger('Xenioo');
  private readonly connection: BullmqConnection;
  private readonly acceptance: BullmqAcceptance;
  private handling: BullmqHandling | undefined;
  private isStopped = false;

  constructor(
    engine: BullmqEngine,
    private readonly options: BullmqInboxSettings,
    private readonly settings: BullmqInboxInstanceSettings,
  ) {
    super();
    const { queue, prefix } = options;
    const keys = prefix === 'bull' ? '' : `, prefix ${prefix}`;
    this.place = `${engine.name}, queue ${queue}${keys}`;
    this.connection = new BullmqConnection(engine, settings.acceptTimeoutMs);
    this.deadLetters = new BullmqDeadLetters(
      async () => (await this.connection.open()).queue,
    );
    const keeping = {
      removeOnFail: { age: options.keepDeadLettersDays * SECONDS_A_DAY },
    };
    this.acceptance = new BullmqAcceptance(
      engine,
      this.connection,
      settings,
      keeping,
    );
  }

  async accept({ entries }: XeniooDelivery): Promise<void> {
    if (this.isStopped) {
      throw new XeniooInboxError('the BullMQ inbox has stopped');
    }
    if (entries.length === 0) return;
    await this.acceptance.accept(entries);
  }

  async start(dispatch: XeniooDispatch): Promise<void> {
    const { worker } = this.options;
    void this.tellRisks();
    if (!worker) {
      this.logger.log(
        `Events wait in ${this.place}; this process handles none of them (\`worker: false\`).`,
      );
      return;
    }
    const { concurrency = this.settings.concurrency } = worker;
    this.handling = new BullmqHandling(
      this.connection,
      dispatch,
      entries => this.acceptance.addRestored(entries),
      { ...worker, concurrency },
    );
    void this.handling.begin();
    this.logger.log(
      `Events wait in ${this.place}; this process handles up to ${concurrency} of them at once.`,
    );
  }

  async idle(): Promise<void> {
    while (!this.isStopped && !(await this.isIdle())) {
      await sleep(LOOK_AGAIN_AFTER_MS);
    }
  }

  /** What waits is safe, and any process may go on with it. */
  override async drain(): Promise<void> {}

  async stop(timeoutMs: number): Promise<void> {
    this.isStopped = true;
    await this.handling?.end(timeoutMs);
    await this.connection.close();
  }

  private async isIdle(): Promise<boolean> {
    try {
      const { queue } = await this.connection.open();
      const counts = await queue.getJobCounts(
        'waiting',
        'active',
        'delayed',
        'prioritized',
      );
      const pending = Object.values(counts).some(count => count > 0);
      return !pending && !this.handling?.inFlight;
    } catch {
      return false;
    }
  }

  /** At its worst a setting loses what was answered 200: so it is told at each start. */
  private async tellRisks(): Promise<void> {
    const open = await this.connection.whenOpen();
    try {
      for (const risk of (await open?.risks()) ?? []) this.logger.warn(risk);
    } catch (error) {
      this.logger.warn(
        `Whether ${this.connection.name} keeps what it accepts could not be found out: ${describeError(error).message}`,
      );
    }
  }
}
