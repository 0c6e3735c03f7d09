import { Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { describeError } from '../describe-error.js';
import { settledWithin } from '../inbox/settled-within.js';
import { botListProblems } from '../xenioo-bot.check.js';
import { XeniooOptionsError } from '../xenioo.errors.js';
import {
  toBotSettings,
  type XeniooBot,
  type XeniooSettings,
} from '../xenioo.options.js';
import { createKeyring, verifyBearer, type Verdict } from './verify-bearer.js';

/** How often a secret that nobody knows may make us ask for the bots again. */
const ASK_FOR_UNKNOWN_EVERY_MS = 5_000;

/** How long calls wait for an answer, from the question on. */
const LONGEST_WAIT_MS = 2_000;

/** Knows the bots by their secrets, and where `bots` is a function, asks it for them. */
export class XeniooKeyring implements OnApplicationBootstrap {
  private readonly logger = new Logger('Xenioo');
  private keyring = createKeyring([]);
  private names: readonly string[] = [];
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
    return this.names.length > 0 && this.names.length <= 10
      ? this.names.join(', ')
      : `${this.names.length} bots`;
  }

  /** Whose secret it is. Waits for the function `bots` where that is due, but not for long. */
  async verify(authorization: string | undefined): Promise<Verdict> {
    await this.refresh(this.settings.botsRefreshSeconds * 1_000);
    const verdict = verifyBearer(authorization, this.keyring);
    if (verdict.refusal !== 'unknown-secret') return verdict;
    await this.refresh(ASK_FOR_UNKNOWN_EVERY_MS);
    return verifyBearer(authorization, this.keyring);
  }

  private async refresh(notAskedForMs: number): Promise<void> {
    const { bots } = this.settings;
    if (typeof bots !== 'function') return;
    const now = this.now();
    if (now - this.question.askedAt >= notAskedForMs) {
      const number = this.question.number + 1;
      const answered = this.ask(bots, number);
      this.question = { askedAt: now, number, answered };
    }
    const wait = this.question.askedAt + LONGEST_WAIT_MS - now;
    if (wait > 0) await settledWithin(this.question.answered, wait);
  }

  private async ask(bots: AskForBots, number: number): Promise<void> {
    try {
      const answer = toBotSettings(await askFor(bots));
      // An older question may be answered later.
      if (number < this.newestAnswer) return;
      this.newestAnswer = number;
      this.use(answer);
    } catch (error) {
      const { message, stack } = describeError(error);
      this.logger.error(
        `\`bots\` was asked for the bots and failed; those known before stay: ${message}`,
        error instanceof XeniooOptionsError ? undefined : stack,
      );
    }
  }

  private use(bots: Parameters<typeof createKeyring>[0]): void {
    this.keyring = createKeyring(bots, this.keyring.key);
    this.names = bots.map(({ name }) => name);
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
