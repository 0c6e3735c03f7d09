import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import {
  idle,
  xeniooConversation,
  xeniooGroup,
} from '../../lib/testing/index.js';
import { createLatch } from '../support/create-latch.js';
import {
  buttonOf,
  countOf,
  isBrowserMissing,
  rowsOf,
  rowTexts,
  violationsOf,
} from '../support/inspector-browser.js';
import { message, startInspector } from '../support/inspector-host.js';

const TABS = ['#overview', '#live', '#dead-letters', '#invalid'];

const start = (inspector: { keepEvents?: number; readOnly?: boolean } = {}) =>
  startInspector('express', { inspector });

/** Starts an application that has had events of all kinds. */
async function startBusy() {
  const host = await start();
  const { send, app } = host;
  await send(xeniooConversation());
  await send([message('fail'), message('Hello')]);
  for (const entry of ['{"Type":"x"}', '{"Type":']) await send(entry);
  await idle(app);
  return host;
}

const inDialog = (page: Page, name: string) =>
  page.getByRole('dialog').getByRole('button', { name });

describe.skipIf(isBrowserMissing)('the page of the inspector', () => {
  it('adds the result of a handler to the row of its event', async () => {
    const { send, open, crm } = await start();
    const { opened, open: finish } = createLatch();
    crm.work = () => opened;
    const page = await open({ at: '#live' });
    const sending = send(message('Hello'));
    await page.getByRole('button', { name: 'first running' }).waitFor();

    finish();

    await page.getByRole('button', { name: 'first done' }).waitFor();
    expect(await rowsOf(page).count()).toBe(1);
    await sending;
  });

  it('shows an event at once whose conversation has a line separator', async () => {
    const { send, open } = await start();
    const page = await open({ at: '#live' });

    await send({ ...message('Hello'), ConversationId: 'ada\u2028bob' });

    await expect.poll(() => rowsOf(page).count()).toBe(1);
  });

  it('shows a conversation in the order of its events', async () => {
    const { send, open } = await start();
    const dates = ['2024-05-01T12:00:02.000Z', '2024-05-01T12:00:01.000Z'];
    for (const Date of dates) await send(message(`Sent at ${Date}`, { Date }));
    await send(message('Hello', { ConversationId: 'other' }));
    const page = await open({ at: '#live' });
    await rowsOf(page).last().click();
    await page.getByRole('link', { name: 'Show conversation' }).click();

    const times = page.locator('.turn time');
    await expect
      .poll(() =>
        times.evaluateAll(all =>
          all.map(time => time.getAttribute('datetime')),
        ),
      )
      .toEqual(dates.toReversed());
    await buttonOf(page, 'Reveal texts').click();
    for (const date of dates) await page.getByText(`Sent at ${date}`).waitFor();
  });

  it('replays the dead letters that fit the filters, and no others', async () => {
    const { send, open, crm } = await start();
    const entries = Array.from({ length: 240 }, (_, index) =>
      message(index % 3 === 0 ? 'fail: full' : 'fail'),
    );
    await send(entries, { grouped: 240 });
    const page = await open({ at: '#dead-letters' });
    await page.getByLabel('Error contains').fill('crm is FULL');
    await expect.poll(() => countOf(page)).toBe('80 dead letters');
    crm.isDown = false;

    await buttonOf(page, 'Replay all…').click();
    await page.getByText('80 dead letters fit the filters').waitFor();
    await inDialog(page, 'Replay').click();

    await page.getByText('Replayed 80 of 80 dead letters.').waitFor();
    await expect
      .poll(() => crm.saved)
      .toEqual(Array<string>(80).fill('fail: full'));
  });

  it('says which dead letters could not be replayed, and why', async () => {
    const { send, open, crm } = await start();
    await send([message('fail')]);
    await send('{"Type":"x"}');
    crm.isDown = false;
    const page = await open({ at: '#dead-letters', allowedError: /\b409\b/ });
    await rowTexts(page, 2);

    await buttonOf(page, 'Replay all…').click();
    await inDialog(page, 'Replay').click();

    await page.getByText('Replayed 1 of 2 dead letters.').waitFor();
    await page.getByText('the entry is still invalid').waitFor();
    await inDialog(page, 'Close').click();
    expect(await rowTexts(page, 1)).toEqual([
      expect.stringContaining('Invalid: fields'),
    ]);
  });

  it('reads the events again when updates were dropped', async () => {
    // An accepted call then changes more events at once than are sent at once.
    const { send, open } = await start({ keepEvents: 10_000 });
    const page = await open({ at: '#live' });
    await page.getByText('No events yet').waitFor();

    await send(xeniooGroup(8_000), { grouped: 8_000 });

    await page.getByText('skipped because this browser was too slow').waitFor();
    await page.getByLabel('Result').selectOption('running');
    await page.getByText('No event fits the filters').waitFor();
    expect(await countOf(page)).toMatch(/^0 of /);
  });

  it('keeps the list as it is while its updates are stopped', async () => {
    const { send, open } = await start();
    await send(message('one'));
    const page = await open({ at: '#live' });
    await rowsOf(page).waitFor();

    await buttonOf(page, 'Stop updates').click();
    await send(message('two'));
    await buttonOf(page, 'Resume updates (1 new)').waitFor();
    expect(await rowsOf(page).count()).toBe(1);

    await buttonOf(page, 'Resume updates (1 new)').click();
    await rowTexts(page, 2);
  });

  it('offers no action when it is read-only', async () => {
    const { send, open } = await start({ readOnly: true });
    await send(message('fail'));
    const page = await open();
    await page.getByText('Events are handled.').waitFor();
    expect(await buttonOf(page, 'Pause').count()).toBe(0);

    await page.getByRole('link', { name: 'Dead letters 1' }).click();
    await rowsOf(page).click();
    await buttonOf(page, 'Reveal').waitFor();
    const actions = page.getByRole('button', { name: /replay|remove|erase/i });
    expect(await actions.count()).toBe(0);
  });

  it('renders few of 10,000 rows, and keeps what is in view when events come', async () => {
    const { send, open } = await start({ keepEvents: 10_000 });
    await send(xeniooGroup(9_990), { grouped: 9_990 });
    const page = await open({ at: '#live' });
    await expect.poll(() => countOf(page)).toBe('9,990 events');
    expect(await rowsOf(page).count()).toBeLessThan(60);

    const list = page.locator('.rows');
    await list.evaluate(element => (element.scrollTop = 4_000));
    const row = page.locator('li[aria-posinset="103"]');
    await row.waitFor();
    const { y } = (await row.boundingBox())!;
    await send(xeniooGroup(5), { grouped: 5 });

    await expect.poll(() => countOf(page)).toBe('9,995 events');
    const moved = page.locator('li[aria-posinset="108"]');
    await expect.poll(async () => (await moved.boundingBox())?.y).toBe(y);
  });

  it('works with the keyboard', async () => {
    const { send, open } = await start();
    await send([message('one'), message('two'), message('three')]);
    const page = await open({ at: '#live' });
    await rowTexts(page, 3);
    await rowsOf(page).first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.locator('.detail').waitFor();
    await buttonOf(page, 'Close').press('Enter');

    const second = rowsOf(page).nth(1);
    await expect
      .poll(() => second.evaluate(row => row.matches(':focus')))
      .toBe(true);
  });

  it('has the figures of each chart as a table', async () => {
    const { open } = await startBusy();
    const page = await open();
    await page.getByText('Table: events per minute by type').click();

    const table = page.getByRole('region', {
      name: 'Events per minute by type',
    });
    await expect.poll(() => table.getByRole('row').count()).toBe(61);
  });

  it.each(TABS)('needs no horizontal scrolling at 360 px: %s', async at => {
    const { open } = await startBusy();
    const page = await open({ at, width: 360 });
    await page.locator('button.row, canvas').first().waitFor();
    const overflow = () =>
      page.evaluate(
        `['html', 'main', '.detail'].filter(selector => {
          const element = document.querySelector(selector);
          return element && element.scrollWidth > element.clientWidth;
        })`,
      );
    expect(await overflow()).toEqual([]);
    if (at === '#overview') return;

    await rowsOf(page).first().click();
    await page.locator('.detail').waitFor();
    expect(await overflow()).toEqual([]);
  });

  describe.each(['light', 'dark'] as const)('in the %s scheme', colorScheme => {
    it.each([...TABS, '#conversation/first'])(
      'has no violation that axe-core finds: %s',
      async at => {
        const { open } = await startBusy();
        const page = await open({ at, colorScheme });
        await page.locator('button.row, canvas, .turn').first().waitFor();
        expect(await violationsOf(page)).toEqual([]);

        if (await rowsOf(page).count()) {
          await rowsOf(page).first().click();
          await buttonOf(page, 'Reveal').click();
          await page.getByLabel('Entry as received').waitFor();
        }
        if (at === '#dead-letters') {
          await buttonOf(page, 'Replay all…').click();
          await page.getByText('fit the filters').waitFor();
        }
        if (at === '#overview') {
          await page.getByText('Table: events per minute by type').click();
          await page.locator('table').waitFor();
          await buttonOf(page, 'Pause').click();
          await page.getByText('This process is paused').waitFor();
        }
        expect(await violationsOf(page)).toEqual([]);
      },
    );
  });
});
