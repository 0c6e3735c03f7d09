import { Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import { settledWithin } from '../settled-within.js';
import { botListProblems } from '../options/xenioo-bot.check.js';
import { XeniooOptionsError } from '../xenioo.errors.js';
import {
  toBotSettings,
  type XeniooBot,
  type XeniooBotSettings,
  type XeniooSettings,
} from '../options/xenioo.options.js';
import { createKeyring, verifyBearer, type Verdict } from './verify-bearer.js';

/** How often a secret that nobody knows may make us ask for the bots again. */
const ASK_FOR_UNKNOWN_EVERY_MS = 5_000;

/** How long calls wait for an answer, from the question on. */
const LONGEST_WAIT_MS = 2_000;

/** Knows the bots by their secrets, and where `bots` is a function, asks it for them. */
export class XeniooKeyring implements OnApplicationBootstrap {
  private readonly logger = new Logger('Xenioo');
  private keyring = createKeyring([]);
  private bots: readonly XeniooBotSettings[] = [];
  private question = { askedAt: -Infinity, number: 0, answered: noAnswer };
  private newestAnswer = 0;

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
   * Asks for the bots, now that what answers is up.
   * @throws {XeniooOptionsError} when `bots` is a function and fails, or answers what can't be
   */
  async onApplicationBootstrap(): Promise<void> {
    const { bots } = this.settings;
    if (typeof bots !== 'function') return;
    this.question = { askedAt: this.now(), number: 0, answered: noAnswer };
    try {
      this.use(toBotSettings(await askFor(bots)));
    } catch (error) {
      if (error instanceof XeniooOptionsError) throw error;
      const problem = `\`bots\` was asked for the bots and failed: ${describeError(error).message}`;
      throw new XeniooOptionsError([problem], { cause: error });
    }
  }

  /** The bots in words, for the boot log. */
  describe(): string {
    const names = this.bots.map(({ name }) => name);
    return names.length > 0 && names.length <= 10
      ? names.join(', ')
      : `${names.length} bots`;
  }

  /** The bots as they were last told. */
  get known(): readonly XeniooBotSettings[] {
    return this.bots;
  }

  /** The bot of a name, if there is one. */
  botNamed(name: string): XeniooBotSettings | undefined {
    return this.bots.find(bot => bot.name === name);
  }

  /** Whose secret it is. Waits for the function `bots` where that is due, but not for long. */
  verify(authorization: string | undefined): Verdict | Promise<Verdict> {
    const { bots } = this.settings;
    return typeof bots === 'function'
      ? this.askAndVerify(authorization, bots)
      : verifyBearer(authorization, this.keyring);
  }

  private async askAndVerify(
    authorization: string | undefined,
    bots: AskForBots,
  ): Promise<Verdict> {
    const { botsRefreshSeconds } = this.settings;
    const latest = this.now() + LONGEST_WAIT_MS;
    if (this.askIfNotFor(botsRefreshSeconds * 1_000, bots)) {
      await this.answer(latest);
    }
    const verdict = verifyBearer(authorization, this.keyring);
    if (verdict.bot || verdict.refusal === 'missing') return verdict;
    this.askIfNotFor(ASK_FOR_UNKNOWN_EVERY_MS, bots);
    await this.answer(latest);
    return verifyBearer(authorization, this.keyring);
  }

  /** Asks for the bots, unless that was done less than so long ago. */
  private askIfNotFor(ms: number, bots: AskForBots): boolean {
    const askedAt = this.now();
    if (askedAt - this.question.askedAt < ms) return false;
    const number = this.question.number + 1;
    this.question = { askedAt, number, answered: this.ask(bots, number) };
    return true;
  }

  /** Waits for the answer to the last question, until 2 s after it was asked or what comes first. */
  private async answer(latest: number): Promise<void> {
    const { askedAt, answered } = this.question;
    const wait = Math.min(askedAt + LONGEST_WAIT_MS, latest) - this.now();
    if (wait > 0) await settledWithin(answered, wait);
  }

  private async ask(bots: AskForBots, number: number): Promise<void> {
    try {
      const answer = toBotSettings(await askFor(bots));
      // An older question may be answered later.
      if (number < this.newestAnswer) return;
      this.newestAnswer = number;
      this.use(answer);
    } catch (error) {
      const { message, stack } =
        error instanceof XeniooOptionsError
          ? { message: error.problems.join('; '), stack: undefined }
          : describeError(error);
      this.logger.error(
        `\`bots\` was asked for the bots and failed; those known before stay: ${message}`,
        stack,
      );
    }
  }

  private use(bots: readonly XeniooBotSettings[]): void {
    this.keyring = createKeyring(bots, this.keyring.key);
    this.bots = bots;
  }
}

type AskForBots = () => XeniooBot[] | Promise<XeniooBot[]>;

const noAnswer = Promise.resolve();

async function askFor(bots: AskForBots): Promise<XeniooBot[]> {
  const answer = await bots();
  const problems = botListProblems(answer, { mayBeEmpty: true });
  if (problems.length > 0) throw new XeniooOptionsError(problems);
  return answer;
}
