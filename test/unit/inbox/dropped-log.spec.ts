import { Logger } from '@nestjs/common';
import { expect, it } from 'vitest';
import { DroppedLog } from '../../../lib/inbox/dropped-log.js';
import { LogRecorder } from '../../support/log-recorder.js';

it('tells at debug level how many were dropped, of a call and in all', () => {
  const logs = new LogRecorder();
  Logger.overrideLogger(logs);
  const log = new DroppedLog();

  log.note(2);
  log.note(0);
  log.note(3);

  expect(logs.lines.map(({ level, text }) => [level, text])).toEqual([
    [
      'debug',
      'Dropped 2 entries that were accepted before (`dedupe`), 2 since the start.',
    ],
    [
      'debug',
      'Dropped 3 entries that were accepted before (`dedupe`), 5 since the start.',
    ],
  ]);
});
