import type {
  XeniooDedupeOptions,
  XeniooDedupeSettings,
} from './xenioo-dedupe.js';
import type {
  XeniooRetryOptions,
  XeniooRetrySettings,
} from './xenioo-retry.js';

/** One bot of several that share a webhook. */
export interface XeniooBot {
  /** Your name for the bot: `event.bot` of its events, and in log lines. */
  name: string;
  /** API Token of the bot. An entry with another `BotToken` is `foreign-bot`. */
  token: string;
  /** API Secret of the bot; several while it is being rotated. */
  secret: string | string[];
}

/** What `XeniooModule.forRoot()` takes, and what a factory returns. */
export interface XeniooOptions {
  /**
   * API Secret of the bot, which Xenioo sends as `Authorization: Bearer <API Secret>`;
   * several while it is being rotated. Either this or `bots` is required.
   */
  secret?: string | string[] | undefined;

  /**
   * `event.bot` where `secret` is used.
   * @default 'default'
   */
  name?: string | undefined;

  /**
   * Instead of `secret`, for several bots on one URL: a list, or a function that
   * is asked for it. It is asked first while the application boots, where a
   * failure stops it, then again when a call comes and `botsRefreshSeconds` have
   * passed, and, at most once in 5 s, on a secret that nobody knows. Calls wait 2 s
   * for it at most; an answer that fails or can't be keeps the last good one.
   */
  bots?: XeniooBot[] | (() => XeniooBot[] | Promise<XeniooBot[]>) | undefined;

  /**
   * How old the answer of a function `bots` may become, in seconds.
   * @default 60
   */
  botsRefreshSeconds?: number | undefined;

  /**
   * What to do with entries that can't be understood: `'quarantine'` gives them
   * to the `@OnXeniooInvalid()` handlers and answers 200; `'reject'`, meant for
   * development, answers 400 with what is wrong and processes nothing of the call.
   * @default 'quarantine'
   */
  invalid?: 'quarantine' | 'reject' | undefined;

  /**
   * Largest body of the webhook route, also after decompression: bytes, or a
   * string as `'512kb'`. The limits of your other routes stay as they are.
   * @default '10mb'
   */
  bodyLimit?: number | string | undefined;

  /**
   * Longest time a caller may take to send the body, in milliseconds.
   * @default 10_000
   */
  bodyTimeoutMs?: number | undefined;

  /**
   * When and how often a handler that throws is tried again; what is left out
   * keeps its default. `false`: it has one attempt. `@OnXenioo()` takes a `retry`
   * of its own.
   * @default { attempts: 10, backoff: 'exponential', delayMs: 1_000, maxDelayMs: 300_000 }
   */
  retry?: XeniooRetryOptions | false | undefined;

  /**
   * Drops an event whose id was accepted before. Events without a `Date` have
   * ids of their own, and are never dropped. `false`: nothing is.
   * @default { ttlSeconds: 86_400, maxIds: 100_000 }
   */
  dedupe?: XeniooDedupeOptions | false | undefined;

  /**
   * Longest time a handler may take for an event, in milliseconds. One that takes
   * longer has failed, is named in a warning, and its place is free again.
   * @default 30_000
   */
  handlerTimeoutMs?: number | undefined;

  /**
   * Events handled at once in this process.
   * @default 32
   */
  concurrency?: number | undefined;

  /**
   * Upper bound in milliseconds of the time from the end of a call's body to its
   * answer: 200, or 503 with nothing of the call accepted.
   * @default 5_000
   */
  acceptTimeoutMs?: number | undefined;

  /**
   * Minutes without an authenticated call after which the module logs that Xenioo is
   * silent and emits `xenioo.silence`; it does so again when calls resume. Xenioo may
   * have stopped calling, so choose more than your longest quiet time.
   * @default undefined, which never reports silence
   */
  expectCallsWithinMinutes?: number | undefined;

  /**
   * How long a shutdown waits for handlers in flight, in milliseconds.
   * @default 10_000
   */
  shutdownTimeoutMs?: number | undefined;
}

/** Options that are known when the module is defined: a factory can't return them. */
export const DEFINITION_OPTIONS = [
  'path',
  'isGlobal',
  'decorators',
  'inbox',
  'openapi',
] as const;

/** A class for `XeniooModule.forRootAsync({ useClass })` and `useExisting`. */
export interface XeniooOptionsFactory {
  createXeniooOptions(): XeniooOptions | Promise<XeniooOptions>;
}

/** Injection token of a function that returns the options as they were given: whoever prints a provider prints no secret. */
export const XENIOO_OPTIONS = Symbol.for('nestjs-xenioo:options');

/** Injection token of the checked options with their defaults. */
export const XENIOO_SETTINGS = Symbol.for('nestjs-xenioo:settings');

/** The options checked, with every default in place. */
export interface XeniooSettings {
  readonly bots:
    readonly XeniooBotSettings[] | (() => XeniooBot[] | Promise<XeniooBot[]>);
  readonly botsRefreshSeconds: number;
  readonly invalid: 'quarantine' | 'reject';
  readonly bodyLimitBytes: number;
  readonly bodyTimeoutMs: number;
  readonly retry: XeniooRetrySettings | false;
  readonly dedupe: XeniooDedupeSettings | false;
  readonly handlerTimeoutMs: number;
  readonly concurrency: number;
  readonly acceptTimeoutMs: number;
  readonly expectCallsWithinMinutes: number | undefined;
  readonly shutdownTimeoutMs: number;
}

export interface XeniooBotSettings {
  readonly name: string;
  /** Absent where the `secret` option is used: entries of any token are welcome. */
  readonly token?: string;
  readonly secrets: readonly string[];
}

/** A bot whose secrets are in a private field, which neither `JSON.stringify()` nor `util.inspect()` shows. */
export class BotSettings implements XeniooBotSettings {
  readonly name: string;
  readonly token?: string;
  readonly #secrets: readonly string[];

  constructor({
    name,
    token,
    secret,
  }: Omit<XeniooBot, 'token'> & { token?: string }) {
    this.name = name;
    if (token !== undefined) this.token = token;
    this.#secrets = [secret].flat();
  }

  get secrets(): readonly string[] {
    return this.#secrets;
  }
}
