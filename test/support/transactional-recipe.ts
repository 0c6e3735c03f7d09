import { Injectable, type ModuleMetadata } from '@nestjs/common';
import { inject, it, expect, onTestFinished } from 'vitest';
import { XeniooDeadLetters } from '../../lib/index.js';
import type { PostgresTransactionRunner } from '../../lib/postgres/index.js';
import { deliver, idle } from '../../lib/testing/index.js';
import { createLatch } from './create-latch.js';
import { startHost } from './host-app.js';
import { message } from './messages.js';
import { postgresSchema } from './postgres-schema.js';

/** Database of a recipe: the handlers write to the table `note` (text) in a schema of the test. */
export interface RecipeDatabase {
  readonly url: string;
  readonly schema: string;
}

/** Steps that a test adds to the handler of a recipe and to its transaction. */
@Injectable()
export class RecipeSteps {
  /** Runs the handler, which writes one row with `write`. */
  handle: (write: () => Promise<void>) => Promise<void> = write => write();
  beforeCommit: Parameters<PostgresTransactionRunner>[0] = async () => {};

  /** Adds the step before the commit to a transaction runner. */
  addTo(runner: PostgresTransactionRunner): PostgresTransactionRunner {
    return work =>
      runner(async tx => {
        await work(tx);
        await this.beforeCommit(tx);
      });
  }
}

/** Options of the module that the tests need. */
export const RECIPE_OPTIONS = {
  secret: 'right-secret',
  handlerTimeoutMs: 1_000,
  retry: { attempts: 5, backoff: 'fixed', delayMs: 5, maxDelayMs: 10 },
} as const;

/** Tests that handlers which write through an ORM take effect exactly once. */
export function testTransactionalRecipe(
  recipe: (database: RecipeDatabase, steps: RecipeSteps) => ModuleMetadata,
): void {
  const start = async () => {
    const { schema, query, remove } = postgresSchema();
    onTestFinished(remove);
    await query(`CREATE SCHEMA ${schema}`);
    await query(`CREATE TABLE ${schema}.note (id serial, text text NOT NULL)`);
    const steps = new RecipeSteps();
    const database = { url: inject('postgresUrl'), schema };
    const { app, logs } = await startHost('express', recipe(database, steps));
    return {
      steps,
      schema,
      query,
      logs,
      handle: async (entries: unknown) => {
        await deliver(app, entries);
        await idle(app);
      },
      notes: async () => {
        const rows = await query(`SELECT text FROM ${schema}.note`);
        return rows.map(({ text }) => text).toSorted();
      },
      letters: () => app.get(XeniooDeadLetters).list(),
    };
  };

  it('commits the rows of the ORM', async () => {
    const { handle, notes, letters } = await start();
    const texts = Array.from({ length: 30 }, (_, n) => `note ${n}`);

    await handle(texts.map(text => message(text)));

    expect(await notes()).toEqual(texts.toSorted());
    expect(await letters()).toEqual([]);
  });

  it('rolls the rows of the ORM back when the handler throws', async () => {
    const { steps, handle, notes } = await start();
    let attempts = 0;
    steps.handle = async write => {
      await write();
      if (++attempts < 3) throw new Error('not yet');
    };

    await handle(message('hello'));

    expect(attempts).toBe(3);
    expect(await notes()).toEqual(['hello']);
  });

  it('reports why a statement failed, without what people wrote', async () => {
    const { schema, handle, query, logs, letters } = await start();
    await query(`ALTER TABLE ${schema}.note ADD CHECK (length(text) > 99)`);

    await handle(message('my secret'));

    const failures = logs.ofXenioo('warn').concat(logs.ofXenioo('error'));
    expect(failures).toHaveLength(5);
    for (const line of failures) {
      expect(line).toMatch(/^Crm\.save failed.*: new row .* violates check/);
      expect(line).not.toContain('my secret');
    }
    const [letter] = await letters();
    const error = JSON.stringify(letter!.error);
    expect(error).toContain('violates check constraint');
    expect(error).not.toContain('my secret');
  });

  it('writes one row when the connection ends between the handler and the commit', async () => {
    const { steps, handle, query, notes } = await start();
    let attempts = 0;
    steps.beforeCommit = async tx => {
      if (++attempts > 2) return;
      const { rows } = await tx.query('SELECT pg_backend_pid() AS pid');
      await query('SELECT pg_terminate_backend($1)', [rows[0]!['pid']]);
    };

    await handle([message('one'), message('two')]);

    expect(attempts).toBe(4);
    expect(await notes()).toEqual(['one', 'two']);
  });

  it('writes one row when the answer to the commit is lost', async () => {
    const { steps, handle, query, notes, letters } = await start();
    let attempts = 0;
    steps.beforeCommit = async tx => {
      if (++attempts > 1) return;
      await tx.query('COMMIT');
      const { rows } = await tx.query('SELECT pg_backend_pid() AS pid');
      await query('SELECT pg_terminate_backend($1)', [rows[0]!['pid']]);
    };

    await handle(message('hello'));

    expect(attempts).toBe(1);
    expect(await notes()).toEqual(['hello']);
    expect(await letters()).toEqual([]);
  });

  it('keeps no row of a handler that times out, and none that it writes afterwards', async () => {
    const { steps, handle, notes } = await start();
    const retried = createLatch();
    const ended = createLatch();
    let attempts = 0;
    steps.handle = async write => {
      const isLate = ++attempts === 1;
      await write();
      if (!isLate) return retried.open();
      await retried.opened;
      await write().finally(ended.open);
    };

    await handle(message('hello'));
    await ended.opened;

    expect(attempts).toBe(2);
    expect(await notes()).toEqual(['hello']);
  });
}
