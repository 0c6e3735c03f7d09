import type {
  XeniooDedupeOptions,
  XeniooDedupeSettings,
} from './xenioo-dedupe.js';
import type {
  XeniooRetryOptions,
  XeniooRetrySettings,
} from './xenioo-retry.js';

/** One of several bots that share a webhook. */
export interface XeniooBot {
  /** Your name for the bot, used as `event.bot` and in log lines. */
  name: string;
  /** API Token of the bot. An entry with another `BotToken` is invalid (`foreign-bot`). */
  token: string;
  /** API Secret of the bot, or several while it is rotated. */
  secret: string | string[];
}

/** Options of `XeniooModule`, which a factory can return. */
export interface XeniooOptions {
  /**
   * API Secret of the bot, which Xenioo sends as `Authorization: Bearer <API Secret>`;
   * several while it is rotated. Either `secret` or `bots` is required.
   */
  secret?: string | string[] | undefined;

  /**
   * Value of `event.bot` if `secret` is used.
   * @default 'default'
   */
  name?: string | undefined;

  /**
   * Several bots on one URL, instead of `secret`: a list, or a function that returns
   * the list. The function is called while the application boots; if it fails then,
   * the application does not start. It is called again by a call that comes
   * `botsRefreshSeconds` after the last time, and by a call with an unknown secret,
   * at most once in 5 s. Calls wait for it for at most 2 s. If it fails or returns
   * an invalid list, the previous list stays in use.
   */
  bots?: XeniooBot[] | (() => XeniooBot[] | Promise<XeniooBot[]>) | undefined;

  /**
   * Time in seconds after which a function `bots` is called again.
   * @default 60
   */
  botsRefreshSeconds?: number | undefined;

  /**
   * Handling of invalid entries. `'quarantine'` keeps them as dead letters, calls the
   * `@OnXeniooInvalid()` handlers and answers 200. `'reject'`, for development,
   * answers 400 with the errors and processes nothing of the call.
   * @default 'quarantine'
   */
  invalid?: 'quarantine' | 'reject' | undefined;

  /**
   * Upper bound of the body of a call, before and after decompression: a number of
   * bytes, or a string such as `'512kb'`. It does not affect other routes.
   * @default '10mb'
   */
  bodyLimit?: number | string | undefined;

  /**
   * Upper bound of the time in which a body must arrive, in milliseconds.
   * @default 10_000
   */
  bodyTimeoutMs?: number | undefined;

  /**
   * Retries of a failed handler; missing fields have their defaults. `false`: no
   * retries. `@OnXenioo()` has an option `retry` for one handler.
   * @default { attempts: 10, backoff: 'exponential', delayMs: 1_000, maxDelayMs: 300_000 }
   */
  retry?: XeniooRetryOptions | false | undefined;

  /**
   * Drops events whose id was accepted before. Events without a `Date` are never
   * dropped, because their ids are random. `false`: drops no events.
   * @default { ttlSeconds: 86_400, maxIds: 100_000 }
   */
  dedupe?: XeniooDedupeOptions | false | undefined;

  /**
   * Upper bound of the time of one attempt of a handler, in milliseconds. An attempt
   * that takes longer has failed and no longer counts for `concurrency`.
   * @default 30_000
   */
  handlerTimeoutMs?: number | undefined;

  /**
   * Upper bound of the events that are handled at the same time in this process.
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
   * Upper bound of the time that a shutdown waits for running handlers, in milliseconds.
   * @default 10_000
   */
  shutdownTimeoutMs?: number | undefined;
}

/** Names of the options that are needed to define the module: a factory can't return them. */
export const DEFINITION_OPTIONS = [
  'path',
  'isGlobal',
  'decorators',
  'inbox',
  'openapi',
] as const;

/** Interface of a class for `useClass` or `useExisting` of `XeniooModule.forRootAsync()`. */
export interface XeniooOptionsFactory {
  /** Returns the options; called once, at boot. */
  createXeniooOptions(): XeniooOptions | Promise<XeniooOptions>;
}

/** Injection token of a function that returns the given options; printing the function shows no secret. */
export const XENIOO_OPTIONS = Symbol.for('nestjs-xenioo:options');

/** Injection token of {@link XeniooSettings}. */
export const XENIOO_SETTINGS = Symbol.for('nestjs-xenioo:settings');

/** Validated options with their defaults. */
export interface XeniooSettings {
  /** Bots of the webhook, or the function of the application that returns them. */
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

/** A bot of {@link XeniooSettings}. */
export interface XeniooBotSettings {
  readonly name: string;
  /** Absent if the option `secret` is used: then entries with any token are accepted. */
  readonly token?: string;
  readonly secrets: readonly string[];
}

/** Keeps the secrets of a bot in a private field, which neither `JSON.stringify()` nor `util.inspect()` shows. */
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
