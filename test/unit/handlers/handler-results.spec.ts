import { Logger } from '@nestjs/common';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { HandlerResults } from '../../../lib/handlers/handler-attempt.js';
import type { XeniooTask } from '../../../lib/handlers/xenioo-task.js';
import { XeniooHandler } from '../../../lib/handlers/xenioo.handler.js';
import type {
  XeniooRetryOptions,
  XeniooRetrySettings,
} from '../../../lib/options/xenioo-retry.js';
import {
  XeniooHandlerError,
  XeniooUnrecoverableError,
} from '../../../lib/xenioo.errors.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { eventOf } from '../../support/entry-of.js';

const NOW = Date.UTC(2024, 4, 1);
const RETRY: XeniooRetrySettings = {
  attempts: 3,
  backoff: 'fixed',
  delayMs: 1_000,
  maxDelayMs: 1_000,
};

const down = new Error('CRM is down');
const event = eventOf({ Type: 1, Data: 'Hello', UserName: 'Anna' });
const subject = `Crm.save failed on user-message ${event.id}`;
const task = (attempts = 0): XeniooTask => ({ entry: event, attempts });

const handlerWith = (retry?: XeniooRetryOptions | false) =>
  new XeniooHandler(
    'Crm.save',
    [{ to: 'events', ...(retry !== undefined && { retry }) }],
    () => {},
  );

interface FailedAttempt {
  /** Attempts before this one. */
  attempts?: number;
  error?: unknown;
  own?: XeniooRetryOptions | false;
  module?: XeniooRetrySettings | false;
  isLast?: boolean;
}

/** Returns the result of `Crm.save` after an error. */
function afterError(given: FailedAttempt = {}) {
  const { attempts, error = down, own, module = RETRY, isLast = false } = given;
  const results = new HandlerResults(module);
  const handler = handlerWith(own);
  return results.ofError(handler, task(attempts), event, error, isLast);
}

let logs: LogRecorder;

beforeEach(() => {
  logs = new LogRecorder();
  Logger.overrideLogger(logs);
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  onTestFinished(() => void vi.useRealTimers());
});

it('HandlerResults counts the attempt of a successful handler', () => {
  const result = new HandlerResults(RETRY).ofSuccess(handlerWith(), task(2));

  expect(result).toEqual({ handler: 'Crm.save', status: 'done', attempts: 3 });
});

describe('HandlerResults of an error', () => {
  it('schedules a retry after the delay', () => {
    expect(afterError({ attempts: 1 })).toEqual({
      handler: 'Crm.save',
      status: 'retry',
      attempts: 2,
      retryAt: NOW + 1_000,
      error: down,
    });
  });

  it('fails after the last attempt', () => {
    expect(afterError({ attempts: 2 })).toEqual({
      handler: 'Crm.save',
      status: 'failed',
      attempts: 3,
      error: down,
    });
  });

  it.each<[string, FailedAttempt, string]>([
    ['without retries', { module: false }, 'failed'],
    ['without retries of its own', { own: false }, 'failed'],
    ['with more attempts', { own: { attempts: 5 }, attempts: 2 }, 'retry'],
    ['with fewer attempts', { own: { attempts: 2 }, attempts: 1 }, 'failed'],
    ['alone with retries', { own: { attempts: 2 }, module: false }, 'retry'],
  ])('prefers the retry options of the handler: %s', (_what, given, status) => {
    expect(afterError(given)).toMatchObject({ status });
  });

  it('inherits the retry options that the handler does not set', () => {
    expect(afterError({ own: { attempts: 5 } })).toMatchObject({
      retryAt: NOW + 1_000,
    });
  });

  it('fails at once for a XeniooUnrecoverableError', () => {
    const error = new XeniooUnrecoverableError('no such customer');

    expect(afterError({ error })).toMatchObject({ status: 'failed', error });
  });

  it('retries after an error that has no readable message', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();

    expect(afterError({ error: proxy })).toMatchObject({ status: 'retry' });
    expect(logs.ofXenioo('warn')).toEqual([
      expect.stringContaining('a value without a string representation'),
    ]);
  });

  it('fails without a retry while the application shuts down', () => {
    expect(afterError({ isLast: true })).toMatchObject({
      status: 'failed',
      attempts: 1,
    });
  });
});

describe('HandlerResults log', () => {
  it('has one line for each retry, with a stack for the first attempt only', () => {
    afterError();
    afterError({ attempts: 1 });

    expect(logs.lines.map(({ level, text }) => [level, text])).toEqual([
      [
        'warn',
        `${subject} (attempt 1 of 3, the next in 1000 ms): CRM is down\n${down.stack}`,
      ],
      ['warn', `${subject} (attempt 2 of 3, the next in 1000 ms): CRM is down`],
    ]);
  });

  it('has an error with a stack for the last attempt', () => {
    afterError({ attempts: 2 });

    expect(logs.lines.map(({ level, text }) => [level, text])).toEqual([
      [
        'error',
        `${subject} (attempt 3; no more attempts), see XeniooDeadLetters: CRM is down\n${down.stack}`,
      ],
    ]);
  });

  it('says when the shutdown prevents a retry that was left', () => {
    afterError({ isLast: true });
    afterError({ attempts: 2, isLast: true });

    expect(logs.ofXenioo('error')).toEqual([
      expect.stringContaining(
        '(attempt 1; no more attempts: the application shuts down), see',
      ),
      expect.stringContaining('(attempt 3; no more attempts), see'),
    ]);
  });
});

describe('HandlerResults of a missing handler', () => {
  const MINUTE_MS = 60_000;
  const error = new XeniooHandlerError(
    'no handler is named Desk.gone. If it was renamed, set the option `name` of its decorator to the old name',
  );
  const results = new HandlerResults(RETRY);

  it('schedules a retry, counts no attempt and logs nothing', () => {
    expect(results.ofMissing(task(2), 'Desk.gone', false)).toEqual({
      handler: 'Desk.gone',
      status: 'retry',
      attempts: 2,
      retryAt: NOW + 10_000,
      error,
      missingSince: NOW,
    });
    expect(logs.lines).toEqual([]);
  });

  it('keeps the time since which the handler is missing', () => {
    const missing = { ...task(2), missingSince: NOW - 9 * MINUTE_MS };

    expect(results.ofMissing(missing, 'Desk.gone', false)).toMatchObject({
      status: 'retry',
      missingSince: NOW - 9 * MINUTE_MS,
    });
  });

  it.each([
    ['it has been missing for ten minutes', 10 * MINUTE_MS, false],
    ['the application shuts down', 0, true],
  ])('fails when %s', (_why, missingMs, isLast) => {
    const missing = { ...task(2), missingSince: NOW - missingMs };

    expect(results.ofMissing(missing, 'Desk.gone', isLast)).toEqual({
      handler: 'Desk.gone',
      status: 'failed',
      attempts: 2,
      error,
    });
    expect(logs.ofXenioo('error')).toEqual([
      `Event ${event.id} can't be retried, see XeniooDeadLetters: ${error.message}.`,
    ]);
  });
});
