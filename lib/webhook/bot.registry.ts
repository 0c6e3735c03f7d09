import { Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import { botListProblems } from '../options/bot-problems.js';
import {
  BotSettings,
  type XeniooBot,
  type XeniooBotSettings,
  type XeniooSettings,
} from '../options/xenioo.options.js';
import { settledWithin } from '../settled-within.js';
import { XeniooOptionsError } from '../xenioo.errors.js';
import { createKeyring, verifyBearer, type Verdict } from './verify-bearer.js';

/** Shortest time between two refreshes caused by unknown secrets. */
const REFRESH_FOR_UNKNOWN_EVERY_MS = 5_000;

/** Longest time that calls wait for a refresh, counted from its start. */
const REFRESH_WAIT_MS = 2_000;

/** One call of the function `bots`; calls are numbered. */
interface Refresh {
  readonly number: number;
  readonly startedAt: number;
  readonly finished: Promise<void>;
}

/** Finds bots by their secrets, and keeps the list fresh if `bots` is a function. */
export class BotRegistry implements OnApplicationBootstrap {
  private readonly logger = new Logger('Xenioo');
  #keyring = createKeyring([]);
  private bots: readonly XeniooBotSettings[] = [];
  private lastRefresh: Refresh = {
    number: 0,
    startedAt: -Infinity,
    finished: Promise.resolve(),
  };
  /** Number of the refresh that returned the current list. */
  private listNumber = 0;

  constructor(
    private readonly settings: Pick<
      XeniooSettings,
      'bots' | 'botsRefreshSeconds'
    >,
    private readonly now: () => number = () => performance.now(),
  ) {
    if (typeof settings.bots !== 'function') this.use(settings.bots);
  }

  /**
   * Loads the bots, after the providers of the application were initialised.
   * @throws {XeniooOptionsError} if `bots` is a function that fails or returns an invalid list
   */
  async onApplicationBootstrap(): Promise<void> {
    const { bots } = this.settings;
    if (typeof bots !== 'function') return;
    this.lastRefresh = { ...this.lastRefresh, startedAt: this.now() };
    try {
      this.use(await loadBots(bots));
    } catch (error) {
      if (error instanceof XeniooOptionsError) throw error;
      const problem = `the function \`bots\` failed, and without its list no call can be authenticated: ${describeError(error).message}`;
      throw new XeniooOptionsError([problem], { cause: error });
    }
  }

  /** Returns the names of the bots, or their number, for the boot log. */
  describe(): string {
    const names = this.bots.map(({ name }) => name);
    return names.length > 0 && names.length <= 10
      ? names.join(', ')
      : `${names.length} bots`;
  }

  /** Names of the bots; `undefined` if `bots` is a function, whose list may change. */
  get fixedNames(): string[] | undefined {
    return typeof this.settings.bots === 'function'
      ? undefined
      : this.bots.map(({ name }) => name);
  }

  /** Current list of bots. */
  get all(): readonly XeniooBotSettings[] {
    return this.bots;
  }

  botNamed(name: string): XeniooBotSettings | undefined {
    return this.bots.find(bot => bot.name === name);
  }

  /** Verifies an `Authorization` header; waits up to 2 s for a refresh if one is due. */
  async verify(authorization: string | undefined): Promise<Verdict> {
    const { bots } = this.settings;
    return typeof bots === 'function'
      ? this.refreshAndVerify(authorization, bots)
      : verifyBearer(authorization, this.#keyring);
  }

  private async refreshAndVerify(
    authorization: string | undefined,
    bots: BotsFunction,
  ): Promise<Verdict> {
    const { botsRefreshSeconds } = this.settings;
    const deadline = this.now() + REFRESH_WAIT_MS;
    if (this.refreshIfOlderThan(botsRefreshSeconds * 1_000, bots)) {
      await this.waitForRefresh(deadline);
    }
    const verdict = verifyBearer(authorization, this.#keyring);
    if (verdict.bot || verdict.refusal === 'missing') return verdict;
    this.refreshIfOlderThan(REFRESH_FOR_UNKNOWN_EVERY_MS, bots);
    await this.waitForRefresh(deadline);
    return verifyBearer(authorization, this.#keyring);
  }

  /** @returns true if it started a refresh */
  private refreshIfOlderThan(ms: number, bots: BotsFunction): boolean {
    const startedAt = this.now();
    if (startedAt - this.lastRefresh.startedAt < ms) return false;
    const number = this.lastRefresh.number + 1;
    const finished = this.refresh(bots, number);
    this.lastRefresh = { number, startedAt, finished };
    return true;
  }

  /** Waits for the last refresh, at most until 2 s after its start or the deadline of the call. */
  private async waitForRefresh(deadline: number): Promise<void> {
    const { startedAt, finished } = this.lastRefresh;
    const latest = Math.min(startedAt + REFRESH_WAIT_MS, deadline);
    const wait = latest - this.now();
    if (wait > 0) await settledWithin(finished, wait);
  }

  private async refresh(bots: BotsFunction, number: number): Promise<void> {
    try {
      const list = await loadBots(bots);
      // An earlier refresh may finish after a later one.
      if (number < this.listNumber) return;
      this.listNumber = number;
      this.use(list);
    } catch (error) {
      const { message, stack } =
        error instanceof XeniooOptionsError
          ? { message: error.problems.join('; '), stack: undefined }
          : describeError(error);
      this.logger.error(
        `Refreshing the bots failed; the previous list stays in use. Fix the function \`bots\`: ${message}`,
        stack,
      );
    }
  }

  private use(bots: readonly XeniooBotSettings[]): void {
    this.#keyring = createKeyring(bots, this.#keyring.key);
    this.bots = bots;
  }
}

type BotsFunction = () => XeniooBot[] | Promise<XeniooBot[]>;

/** @throws {XeniooOptionsError} if the list is invalid */
async function loadBots(bots: BotsFunction): Promise<XeniooBotSettings[]> {
  const list = await bots();
  const problems = botListProblems(list, { mayBeEmpty: true });
  if (problems.length > 0) throw new XeniooOptionsError(problems);
  return list.map(bot => new BotSettings(bot));
}
