import {
  Injectable,
  UnauthorizedException,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { request } from 'node:http';
import type { Page } from 'playwright-core';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { bullmqInbox } from '../../lib/bullmq/index.js';
import type { XeniooInboxProvider } from '../../lib/index.js';
import { lmdbInbox } from '../../lib/lmdb/index.js';
import { postgresInbox } from '../../lib/postgres/index.js';
import { xeniooEntry } from '../../lib/testing/index.js';
import { newQueue } from '../support/bullmq-host.js';
import { describeEngine } from '../support/engines/describe-engine.js';
import {
  buttonOf,
  countOf,
  isBrowserMissing,
  openPage,
  rowsOf,
  rowTexts,
} from '../support/inspector-browser.js';
import {
  INSPECTOR_PATH,
  message,
  startInspector,
  type InspectorSetup,
} from '../support/inspector-host.js';
import { inboxPath } from '../support/lmdb-folder.js';
import { postgresSchema } from '../support/postgres-schema.js';
import { serve } from '../support/serve.js';
import { runTool } from '../support/tool.js';

const INBOXES: Record<string, () => Promise<XeniooInboxProvider | undefined>> =
  {
    memory: async () => undefined,
    lmdb: async () => lmdbInbox({ path: await inboxPath() }),
  };

@Injectable()
class AdminGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{
      headers: { authorization?: string };
    }>();
    if (headers.authorization === 'Bearer admin') return true;
    throw new UnauthorizedException();
  }
}

describe.skipIf(isBrowserMissing)('the inspector in Chromium', () => {
  describe.each([
    ['express', 'memory'],
    ['fastify', 'lmdb'],
  ] as const)('on %s with the inbox %s', (adapter, name) => {
    const start = async (setup: InspectorSetup = {}) =>
      startInspector(adapter, { inbox: await INBOXES[name]!(), ...setup });

    it('shows events that Xenioo sends as they come, with their results', async () => {
      const { send, open } = await start();
      const page = await open({ at: '#live' });
      await page.getByText('No events yet').waitFor();

      await send(message('Hello'));
      await page.getByRole('button', { name: 'first done' }).waitFor();
      await send(message('fail', { ConversationId: 'second' }));
      await page.getByRole('button', { name: 'second failed' }).waitFor();
      await send('{"Type":"x"}');

      expect(await rowTexts(page, 3)).toEqual([
        expect.stringContaining('Invalid: fields'),
        expect.stringContaining('second'),
        expect.stringContaining('first'),
      ]);
    });

    it('filters events by type, bot, channel, conversation, handler and result', async () => {
      const { send, open } = await start();
      const page = await open({ at: '#live' });
      const Channel = 'WebChannel';
      await send(message('Hello', { Channel }));
      const ConversationId = 'first';
      await send(xeniooEntry.botMessage({ ConversationId, Channel }));
      await send(
        message('fail', {
          ConversationId: 'other',
          Channel: 'WhatsAppChannel',
        }),
        { bot: 'sales' },
      );
      await page.getByRole('button', { name: 'other failed' }).waitFor();

      for (const [label, value, count] of [
        ['Type', 'bot-message', 1],
        ['Type', 'user-message', 2],
        ['Bot', 'sales', 1],
        ['Channel', 'WhatsAppChannel', 1],
        ['Handler', 'Crm.save', 2],
        ['Result', 'done', 1],
        ['Result', 'failed', 1],
        ['Result', 'none', 1],
      ] as const) {
        await page.getByLabel(label, { exact: true }).selectOption(value);
        await expect
          .poll(() => countOf(page), { message: `${label} ${value}` })
          .toBe(`${count} of 3 events`);
        await buttonOf(page, 'Clear filters').click();
      }
      await page.getByLabel('Conversation').fill('first');
      await expect.poll(() => countOf(page)).toBe('2 of 3 events');
    });

    it('replays a dead letter, whose handler runs, and which leaves the list', async () => {
      const { send, open, crm } = await start();
      const page = await open({ at: '#dead-letters' });
      await page.getByText('No dead letters').waitFor();
      await send([message('fail 1'), message('fail 2')]);
      await rowTexts(page, 2);
      await rowsOf(page).first().click();
      await page.getByLabel('Stack').getByText('the CRM is down').waitFor();
      crm.isDown = false;

      await buttonOf(page, 'Replay').click();

      await page.getByText('The event is handled again.').waitFor();
      await expect.poll(() => countOf(page)).toBe('1 dead letter');
      await expect.poll(() => crm.saved).toEqual(['fail 1']);
      await buttonOf(page, 'Replay all…').click();
      await page
        .getByRole('dialog')
        .getByRole('button', { name: 'Replay' })
        .click();
      await page.getByText('Replayed 1 of 1 dead letter.').waitFor();
      await expect.poll(() => crm.saved).toEqual(['fail 1', 'fail 2']);
      await buttonOf(page, 'Close').first().click();
      await page.getByText('No dead letters').waitFor();
    });

    it('says why an invalid entry could not be replayed, and keeps it', async () => {
      const { send, open } = await start();
      await send('{"Type":"x"}');
      const page = await open({ at: '#invalid', allowedError: /\b409\b/ });
      await rowsOf(page).click();

      await buttonOf(page, 'Replay').click();

      await page
        .getByText('not replayed: the entry is still invalid: ')
        .waitFor();
      expect(await countOf(page)).toBe('1 invalid entry');
    });

    it('pauses the handlers, and resumes with what is pending', async () => {
      const { send, open, crm } = await start();
      const page = await open();
      await buttonOf(page, 'Pause').click();
      await page.getByText('This process is paused').waitFor();

      await send(message('Hello'));
      const pending = page.locator('.tile', { hasText: 'Pending' });
      await pending.getByText('1', { exact: true }).waitFor();
      expect(crm.saved).toEqual([]);
      await buttonOf(page, 'Resume').click();

      await expect.poll(() => crm.saved).toEqual(['Hello']);
      await pending.getByText('0', { exact: true }).waitFor();
    });

    it('hides what people wrote until the reader reveals it', async () => {
      const { send, open } = await start();
      const words = 'My number is 4711';
      await send(message(`fail: ${words}`, { UserName: 'Ada Lovelace' }));
      for (const at of ['#live', '#dead-letters']) {
        const page = await open({ at });
        await rowsOf(page).click();
        await page.getByText('entry as received are hidden').waitFor();
        expect(await page.content()).not.toMatch(/4711|Lovelace/);

        await buttonOf(page, 'Reveal').click();

        await page.locator('blockquote', { hasText: words }).waitFor();
        await page.locator('pre', { hasText: 'Ada Lovelace' }).waitFor();
        await buttonOf(page, 'Hide').click();
        await expect.poll(() => page.content()).not.toContain(words);
      }
    });

    it('says that it is disconnected, reconnects after a restart, and shows the new state', async () => {
      const inbox = await INBOXES[name]!();
      const first = await startInspector(adapter, { inbox });
      await first.send(message('fail', { ConversationId: 'before' }));
      // While it closes, Fastify answers 503.
      const page = await first.open({
        at: '#live',
        allowedError: /ERR_|status of 503/,
      });
      await page.getByRole('button', { name: 'before failed' }).waitFor();

      await first.app.close();
      await page.getByText('What you see may be out of date.').waitFor();
      const port = Number(new URL(first.url('/')).port);
      const second = await startInspector(adapter, { inbox, port });
      await second.send(message('Hello', { ConversationId: 'after' }));

      await page.getByRole('button', { name: 'after done' }).waitFor();
      expect(await rowsOf(page).count()).toBe(1);
      const letters = name === 'lmdb' ? '1 dead letter' : '0 dead letters';
      await page.getByRole('link', { name: 'Dead letters' }).click();
      await expect.poll(() => countOf(page)).toBe(letters);
    });

    it('erases a conversation once that is confirmed', async () => {
      const { send, open } = await start();
      await send([
        message('fail', { ConversationId: 'a/b ü' }),
        message('Hello', { ConversationId: 'a/b ü' }),
        message('fail', { ConversationId: 'kept' }),
      ]);
      const page = await open({ at: '#live' });
      await rowsOf(page).filter({ hasText: 'a/b ü' }).first().click();
      await page.getByRole('link', { name: 'Show conversation' }).click();
      await expect.poll(() => page.locator('.turn').count()).toBe(2);

      await buttonOf(page, 'Erase conversation').click();
      await buttonOf(page, 'Cancel').click();
      expect(await page.locator('.turn').count()).toBe(2);
      await buttonOf(page, 'Erase conversation').click();
      await buttonOf(page, 'Erase').click();

      await page
        .getByText('Erased the conversation: 1 dead letter removed.')
        .waitFor();
      await page.getByText('No events of this conversation').waitFor();
      await page.getByRole('link', { name: 'Back to all events' }).click();
      expect(await rowTexts(page, 1)).toEqual([
        expect.stringContaining('kept'),
      ]);
    });

    it('exports dead letters that the command line tool replays', async () => {
      const { send, open, crm, url } = await startInspector(adapter);
      await send([message('fail 1'), message('fail 2')]);
      await send('{"Type":"x"}');
      const page = await open({ at: '#dead-letters' });
      await rowTexts(page, 3);
      await page.getByLabel('Kind').selectOption('event');
      await rowTexts(page, 2);
      const downloading = page.waitForEvent('download');
      await page.getByRole('link', { name: 'Export' }).click();
      const file = await (await downloading).path();
      crm.isDown = false;

      const { exitCode, stdout } = await runTool([
        'replay',
        file,
        '--fresh-dates',
        '--url',
        url('/xenioo/webhook'),
      ]);

      expect({ exitCode, stdout }).toMatchObject({ exitCode: 0 });
      await expect
        .poll(() => crm.saved.toSorted())
        .toEqual(['fail 1', 'fail 2']);
    });

    it('asks for the credential of a guard, and keeps it for its tab', async () => {
      const { send, open } = await startInspector(adapter, {
        inspector: { decorators: [UseGuards(AdminGuard)] },
      });
      const page = await open({ at: '#live', allowedError: /\b401\b/ });
      const dialog = page.getByRole('dialog', { name: 'Authorization' });
      const input = page.getByLabel('Value of the header');
      await input.fill('Bearer guess');
      await input.press('Enter');
      await dialog.getByText('The server refused this value.').waitFor();

      await input.fill('Bearer admin');
      await input.press('Enter');
      await send(message('fail'));

      await page.getByRole('button', { name: 'first failed' }).waitFor();
      expect(
        await page.evaluate('[localStorage.length, sessionStorage.length]'),
      ).toEqual([0, 1]);
      await page.reload();
      await page.getByRole('link', { name: 'Dead letters' }).click();
      await rowTexts(page, 1);
      const downloading = page.waitForEvent('download');
      await page.getByRole('link', { name: 'Export' }).click();
      expect((await downloading).suggestedFilename()).toBe(
        'dead-letters.ndjson',
      );
      await rowsOf(page).click();
      await buttonOf(page, 'Remove').click();
      await page
        .getByRole('dialog')
        .getByRole('button', { name: 'Remove' })
        .click();
      await page.getByText('Removed the dead letter.').waitFor();
      await buttonOf(page, 'Forget credentials').click();
      await dialog.waitFor();
    });

    it('works under a global prefix', async () => {
      const { send, url } = await startInspector(adapter, {
        prepare: app => void app.setGlobalPrefix('hooks'),
      });
      const page = await openPage(url(`/hooks${INSPECTOR_PATH}`), {
        at: '#live',
      });

      expect(await handlersOnceUsed(page, send)).toBe('Paused');
    });

    it('works behind a proxy that rewrites its path, with and without a slash at its end', async () => {
      const { send, url } = await startInspector(adapter);
      const proxy = await serve((incoming, outgoing) => {
        const forwarded = request(
          url(incoming.url!.replace(/^\/a\/b(?=\/)/, '')),
          { method: incoming.method!, headers: incoming.headers },
          answer => {
            outgoing.writeHead(answer.statusCode!, answer.headers);
            answer.pipe(outgoing);
          },
        );
        outgoing.on('close', () => forwarded.destroy());
        forwarded.on('error', () => outgoing.destroy());
        incoming.pipe(forwarded);
      });
      const page = await openPage(
        `${proxy.url}/a/b${INSPECTOR_PATH.slice(0, -1)}`,
        {
          at: '#live',
        },
      );

      expect(new URL(page.url()).pathname).toBe(`/a/b${INSPECTOR_PATH}`);
      expect(await handlersOnceUsed(page, send)).toBe('Paused');
    });

    it('works under helmet', async () => {
      const { send, open } = await startInspector(adapter, {
        prepare: async app => {
          if (adapter === 'express') {
            const { default: helmet } = await import('helmet');
            app.use(helmet());
          } else {
            const { default: helmet } = await import('@fastify/helmet');
            const fastify = app
              .getHttpAdapter()
              .getInstance() as FastifyInstance;
            await fastify.register(helmet as never);
          }
        },
      });
      const page = await open({ at: '#live' });

      expect(await handlersOnceUsed(page, send)).toBe('Paused');
    });
  });
});

/** Inboxes that another process can handle, by their engines. */
const RECEIVING = {
  redis: () => bullmqInbox({ ...newQueue(), worker: false }),
  postgres: () => {
    const { schema, remove } = postgresSchema();
    onTestFinished(remove);
    const connection = inject('postgresUrl');
    return postgresInbox({ connection, schema, worker: false });
  },
};

for (const engine of ['redis', 'postgres'] as const) {
  describeEngine(engine, `the inspector in Chromium with ${engine}`, () => {
    it.skipIf(isBrowserMissing)(
      'says that a process with `worker: false` handles no events, and offers no pause',
      async () => {
        const inbox = RECEIVING[engine]();
        const { send, open } = await startInspector('express', { inbox });
        await send(message('Hello'));

        const page = await open();
        await page
          .getByText('This process handles no events (worker: false).')
          .waitFor();

        const values = page.locator('.tile .value');
        expect(await values.last().textContent()).toBe('Off');
        expect(await buttonOf(page, 'Pause').count()).toBe(0);
      },
    );
  });
}

/** Lets the page read, receive and act; returns the value of the tile "Handlers". */
async function handlersOnceUsed(
  page: Page,
  send: (entry: object) => Promise<unknown>,
): Promise<string | null> {
  await page.getByText('No events yet').waitFor();
  await send(message('Hello'));
  await page.getByRole('button', { name: 'first done' }).waitFor();
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.locator('canvas').first().waitFor();
  await buttonOf(page, 'Pause').click();
  await page.getByText('This process is paused').waitFor();
  return page.locator('.tile .value').last().textContent();
}
