import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { XeniooDispatch } from '../handlers/xenioo.dispatch.js';
import type { XeniooDeadLetterStore } from '../inbox/xenioo.dead-letter-store.js';
import { XeniooInbox, type XeniooDelivery } from '../inbox/xenioo.inbox.js';
import { settledWithin } from '../settled-within.js';
import { XeniooInboxError } from '../xenioo.errors.js';
import type { XeniooSettings } from '../options/xenioo.options.js';
import { GroupCommit } from '../inbox/group-commit.js';
import { LmdbAcceptance } from './lmdb.acceptance.js';
import type { LmdbInboxSettings } from './lmdb.inbox-options.js';
import { LmdbClaims } from './lmdb.claims.js';
import { LmdbDeadLetters } from './lmdb.dead-letters.js';
import { LmdbFolder, type Batch } from './lmdb.folder.js';
import { LmdbHandling } from './lmdb.handling.js';
import { LmdbOwnership } from './lmdb.ownership.js';
import { LmdbRecorder } from './lmdb.recorder.js';
import { LmdbStore } from './lmdb.store.js';
import { LmdbTidying } from './lmdb.tidying.js';

/** How often to look for what no other process told. */
const LOOK_EVERY_MS = 1_000;

/** How long to wait before looking again for what somebody waits for. */
const LOOK_AGAIN_AFTER_MS = 10;

/** How often to look for dead letters that are too old. */
const TIDY_EVERY_MS = 3_600_000;

/** What it takes from the options of its instance. */
export type LmdbInboxInstanceSettings = Pick<
  XeniooSettings,
  'concurrency' | 'dedupe' | 'acceptTimeoutMs'
>;

/**
 * Keeps what was accepted on the disk of this machine: a call is answered 200
 * when that is synced, and what was answered 200 is handled, whatever ends this process.
 */
export class LmdbInbox extends XeniooInbox {
  override readonly place: string;
  override readonly deadLetters: XeniooDeadLetterStore;

  private readonly logger = new Logger('Xenioo');
  private readonly store: LmdbStore;
  private readonly commit: GroupCommit<Batch>;
  private readonly acceptance: LmdbAcceptance;
  private readonly recorder: LmdbRecorder;
  private readonly tidying: LmdbTidying;
  private readonly ownership: LmdbOwnership;
  private dispatch: XeniooDispatch | undefined;
  private handling: LmdbHandling | undefined;
  private readonly timers: NodeJS.Timeout[] = [];
  private isStopped = false;

  private constructor(
    private readonly folder: LmdbFolder,
    options: LmdbInboxSettings,
    private readonly settings: LmdbInboxInstanceSettings,
  ) {
    super();
    this.place = folder.path;
    this.store = new LmdbStore(folder);
    this.commit = new GroupCommit(folder);
    const claims = new LmdbClaims(folder, settings.dedupe);
    const letters = new LmdbDeadLetters(folder, this.store, this.commit, () =>
      this.tellHandling(),
    );
    this.deadLetters = letters;
    this.acceptance = new LmdbAcceptance(
      folder.path,
      this.store,
      claims,
      letters,
      this.commit,
      settings.acceptTimeoutMs,
    );
    this.recorder = new LmdbRecorder(this.store, letters, this.commit);
    this.tidying = new LmdbTidying(
      folder,
      claims,
      letters,
      this.commit,
      options.keepDeadLettersDays,
    );
    this.ownership = new LmdbOwnership(folder, this.commit, {
      onOwned: () => this.own(),
      onLost: () => this.lose(),
      onPoked: () => this.handling?.pullSoon(),
    });
  }

  /**
   * Opens the folder, or makes it.
   * @throws {XeniooInboxError} when it can't be used: damaged, foreign, not writable
   */
  static async open(
    options: LmdbInboxSettings,
    settings: LmdbInboxInstanceSettings,
  ): Promise<LmdbInbox> {
    const folder = await LmdbFolder.open(options.path);
    return new LmdbInbox(folder, options, settings);
  }

  async accept({ entries }: XeniooDelivery): Promise<void> {
    if (this.isStopped) {
      throw new XeniooInboxError('the LMDB inbox has stopped');
    }
    if (entries.length === 0) return;
    for (const { number, entry } of await this.acceptance.accept(entries)) {
      this.handling?.remember(number, entry);
    }
    this.tellHandling();
  }

  async start(dispatch: XeniooDispatch): Promise<void> {
    this.dispatch = dispatch;
    await this.ownership.start();
    const look = () => {
      this.ownership.check();
      this.handling?.pullSoon();
    };
    this.timers.push(
      setInterval(look, LOOK_EVERY_MS).unref(),
      setInterval(() => this.tidyUp(), TIDY_EVERY_MS).unref(),
    );
  }

  idle(): Promise<void> {
    return this.until(() => this.store.isEmpty && !this.handling?.inFlight);
  }

  /** What was accepted before gets its first attempt; what waits for a retry can wait for the next start. */
  override async drain(): Promise<void> {
    const now = Date.now();
    const lastKey = this.store.nextKey();
    const isDone = () =>
      this.store.hasNoneUntil(lastKey) && !this.store.retriesDue(now, 1).length;
    await this.until(() => !this.handling?.isOn || isDone());
  }

  async stop(timeoutMs: number): Promise<void> {
    this.isStopped = true;
    for (const timer of this.timers) clearInterval(timer);
    const { handling } = this;
    handling?.end();
    const settled = this.until(() => !handling?.inFlight);
    if (!(await settledWithin(settled, timeoutMs))) {
      this.logger.warn(
        `Stopping while ${handling?.inFlight} events are still being handled after ${timeoutMs} ms: they are kept, and handled again at the next start. If their handlers need longer, raise \`shutdownTimeoutMs\`.`,
      );
    }
    this.recorder.abandon();
    await this.ownership.stop();
    await this.commit.end();
    await this.folder.close();
  }

  /** Another process took this one for dead: it handles nothing more. */
  private lose(): void {
    this.handling?.end();
    this.logger.error(
      `Another process has begun to handle the events of the LMDB inbox at ${this.place}: this one goes on accepting. Was the file of its socket removed?`,
    );
  }

  /** This process is to handle what waits. */
  private own(): void {
    this.handling = new LmdbHandling(
      this.folder,
      this.store,
      this.commit,
      this.recorder,
      this.dispatch!,
      this.settings.concurrency,
    );
    this.handling.begin();
    this.tidyUp();
  }

  /** Something waits, to be handled here or by another process. */
  private tellHandling(): void {
    this.handling?.pullSoon();
    this.ownership.poke();
  }

  private tidyUp(): void {
    if (this.handling?.isOn) void this.tidying.tidyUp();
  }

  /** Another process may be the one that does it: so it is looked for. */
  private async until(isSo: () => boolean): Promise<void> {
    for (;;) {
      if (this.folder.isClosed) return;
      this.folder.refresh();
      if (this.folder.isReadable && isSo()) return;
      await sleep(LOOK_AGAIN_AFTER_MS);
    }
  }
}
