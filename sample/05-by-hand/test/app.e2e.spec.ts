import { expect, it } from 'vitest';
import {
  examineWithDoctor,
  runDoctor,
} from '../../../test/support/run-doctor.js';
import { startSample } from '../../../test/support/start-sample.js';

const secret = 'secret-of-the-test';

const start = () => startSample('05-by-hand', { XENIOO_SECRET: secret });

it('accepts a message in the documented format', async () => {
  const response = await fetch(await start(), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${secret}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      Type: 1,
      Data: 'Hello there!',
      Date: '2019-07-10T15:47:58.5750058+00:00',
      BotToken: 'bot-token',
      AccountName: 'account name',
      ConversationId: 'conversation-id',
      UserName: 'Ada',
      Channel: 'TelegramChannel',
    }),
  });

  expect(response.ok).toBe(true);
});

it('has the mistakes that the doctor reports, each once', async () => {
  const { exitCode, examination, check } = await examineWithDoctor(
    await start(),
    { secret },
  );

  const found = examination.checks
    .filter(({ severity, sameAs }) => severity !== 'ok' && !sameAs)
    .map(({ severity, id, outcome }) => `${severity}: ${id}, ${outcome}`);
  expect(found).toEqual([
    'finding: object, 201',
    'finding: array, 400',
    'warning: lower-case-scheme, 401',
    'warning: bare-secret, 401',
    'finding: unknown-type, 400',
    'finding: null-fields, 400',
    'finding: variables, 400',
    'finding: broken-json, 400',
    'finding: empty-body, 400',
    'finding: content-type-none, 400',
    'finding: group-100kb, 413',
  ]);
  expect(examination).toMatchObject({ findings: 9, warnings: 2, skipped: 0 });
  expect(exitCode).toBe(1);
  expect(check('seven-digits')).toMatchObject({
    severity: 'ok',
    sameAs: 'object',
  });
  expect(check('group-5mb')).toMatchObject({
    severity: 'finding',
    sameAs: 'group-100kb',
  });
});

it('gets a fix for its mistakes from the doctor', async () => {
  const { exitCode, stdout } = await runDoctor(await start(), { secret });

  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/201 Created[^]*@HttpCode\(200\)/);
  expect(stdout).toMatch(/413 Payload[^]*useBodyParser\('json'/);
  expect(stdout).toContain('✗ 9 findings, 2 warnings');
  expect(stdout).toMatch(/Xenioo\s+stops\s+calling\s+this\s+webhook/);
});
