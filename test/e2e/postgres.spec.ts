import { Injectable, type Type } from '@nestjs/common';
import { inject, expect, it, onTestFinished } from 'vitest';
import { randomBytes } from 'node:crypto';
import { Client, Pool } from 'pg';
import {
  OnXenioo,
  UserMessageEvent,
  XeniooDeadLetters,
  XeniooEvent,
  XeniooEventType,
  XeniooModule,
  type XeniooModuleOptions,
  type XeniooTransaction,
} from '../../lib/index.js';
import { postgresInbox } from '../../lib/postgres/index.js';
import type { PostgresInboxOptions } from '../../lib/postgres/index.js';
import { deliver, idle } from '../../lib/testing/index.js';
import { describeEngine } from '../support/engines/describe-engine.js';
import { startPgbouncer } from '../support/engines/pgbouncer-server.js';
import { startHost } from '../support/host-app.js';
import { message } from '../support/messages.js';
import { postgresSchema } from '../support/postgres-schema.js';

const SOON = {
  attempts: 3,
  backoff: 'fixed',
  delayMs: 5,
  maxDelayMs: 10,
} as const;

/** Starts an application with a table `note` in the schema of its inbox. */
async function startWith(
  handlers: Type[],
  options: Partial<XeniooModuleOptions> = {},
  inboxOptions: Partial<PostgresInboxOptions> = {},
) {
  const { schema, query, remove } = postgresSchema();
  onTestFinished(remove);
  await query(`CREATE SCHEMA ${schema}`);
  await query(`CREATE TABLE ${schema}.note (text text NOT NULL)`);
  Table.name = `${schema}.note`;
  const host = await startHost('express', {
    imports: [
      XeniooModule.forRoot({
        secret: 'right-secret',
        retry: SOON,
        inbox: postgresInbox({
          connection: inject('postgresUrl'),
          schema,
          ...inboxOptions,
        }),
        ...options,
      }),
    ],
    providers: handlers,
  });
  return {
    ...host,
    handle: async (entries: unknown) => {
      await deliver(host.app, entries);
      await idle(host.app);
    },
    notes: async () => {
      const rows = await query(`SELECT text FROM ${schema}.note`);
      return rows.map(({ text }) => text);
    },
    letters: host.app.get(XeniooDeadLetters),
  };
}

/** Table of the running test. */
const Table = { name: '' };

const insert = (tx: XeniooTransaction, text: unknown) =>
  tx.query(`INSERT INTO ${Table.name} VALUES ($1)`, [text]);

describeEngine('postgres', 'a transactional handler', () => {
  it('commits its writes', async () => {
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, event.text);
        const { rows } = await tx.query('SELECT 1 + 1 AS sum');
        expect(rows).toEqual([{ sum: 2 }]);
      }
    }
    const { handle, notes, letters } = await startWith([Crm]);

    await handle([message('one'), message('two')]);

    expect((await notes()).toSorted()).toEqual(['one', 'two']);
    expect(await letters.list()).toEqual([]);
  });

  it('rolls back when it throws, and is retried', async () => {
    let attempts = 0;
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, `${event.text} ${++attempts}`);
        if (attempts < 3) throw new Error('not yet');
      }
    }
    const { handle, notes } = await startWith([Crm]);

    await handle(message('hello'));

    expect(await notes()).toEqual(['hello 3']);
  });

  it('writes no row when all attempts fail, and one row when its dead letter is replayed', async () => {
    let isDown = true;
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, event.text);
        if (isDown) throw new Error('down');
      }
    }
    const { app, handle, notes, letters } = await startWith([Crm]);
    await handle(message('hello'));
    const [letter] = await letters.list();
    expect(letter).toMatchObject({ handler: 'Crm.save', attempts: 3 });
    expect(await notes()).toEqual([]);

    isDown = false;
    await letters.replay(letter!.id);
    await idle(app);

    expect(await notes()).toEqual(['hello']);
    expect(await letters.list()).toEqual([]);
  });

  it('fails if it ignores a failed statement', async () => {
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, event.text);
        await tx.query('SELECT nonsense').catch(() => {});
      }
    }
    const { handle, notes, letters } = await startWith([Crm]);

    await handle(message('hello'));

    expect(await notes()).toEqual([]);
    expect((await letters.list())[0]!.error!.message).toMatch(
      /one of its statements failed .*column "nonsense" does not exist/,
    );
  });

  it('fails if it does not wait for a statement that fails', async () => {
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, event.text);
        void tx.query('SELECT nonsense');
      }
    }
    const { handle, notes, letters } = await startWith([Crm]);

    await handle(message('hello'));

    expect(await notes()).toEqual([]);
    expect((await letters.list())[0]!.error!.message).toContain(
      'column "nonsense" does not exist',
    );
  });

  it('is told in the log of a statement that it runs after it has returned', async () => {
    let isLate!: () => void;
    const late = new Promise<void>(resolve => (isLate = resolve));
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        void late.then(() => void insert(tx, 'late'));
        await insert(tx, event.text);
      }
    }
    const { handle, notes, logs } = await startWith([Crm]);

    await handle(message('hello'));
    isLate();

    await expect
      .poll(() => logs.ofXenioo('error').join())
      .toContain('has ended, because the handler has returned');
    expect(await notes()).toEqual(['hello']);
  });

  it.each([
    'COMMIT',
    'rollback',
    ' end;',
    '-- done\nabort work',
    '/* done */ ROLLBACK WORK',
    'BEGIN',
    'START TRANSACTION',
    "PREPARE TRANSACTION 'one'",
    '; ROLLBACK AND CHAIN',
  ])('can not end its transaction with %j', async statement => {
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, event.text);
        await tx.query(statement);
      }
    }
    const { handle, notes, letters } = await startWith([Crm]);

    await handle(message('hello'));

    expect(await notes()).toEqual([]);
    expect((await letters.list())[0]!.error!.message).toContain(
      'the transaction is committed when the handler returns',
    );
  });

  it.each([
    "/* a */ SELECT CASE WHEN true THEN 'x' /* b */ END",
    `${'/**/'.repeat(40)} SELECT 1`,
  ])('may run %j', async statement => {
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await tx.query(statement);
        await insert(tx, event.text);
      }
    }
    const { handle, notes, letters } = await startWith([Crm]);

    await handle(message('hello'));

    expect(await letters.list()).toEqual([]);
    expect(await notes()).toEqual(['hello']);
  });

  it('can not end its transaction with the second of two statements', async () => {
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, event.text);
        await tx.query('SELECT 1; COMMIT; BEGIN');
      }
    }
    const { handle, notes, letters } = await startWith([Crm]);

    await handle(message('hello'));

    expect(await notes()).toEqual([]);
    expect((await letters.list())[0]!.error!.message).toContain(
      'cannot insert multiple commands',
    );
  });

  it('can roll back to a savepoint', async () => {
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, event.text);
        await tx.query('SAVEPOINT before');
        await insert(tx, 'undone');
        await tx.query('ROLLBACK TO SAVEPOINT before');
        await tx.query('RELEASE before');
      }
    }
    const { handle, notes } = await startWith([Crm]);

    await handle(message('hello'));

    expect(await notes()).toEqual(['hello']);
  });

  it('frees its connection when it times out during the rollback', async () => {
    // The rollback waits for a lock that the test holds.
    const key = randomBytes(4).readUInt32BE();
    const holder = new Client(inject('postgresUrl'));
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query('SELECT pg_advisory_lock($1)', [key]);
    const pool = new Pool({ connectionString: inject('postgresUrl'), max: 4 });
    onTestFinished(() => pool.end());
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, event.text);
        if (event.text !== 'broken') return;
        void tx.query('SELECT pg_advisory_xact_lock($1)', [key]);
        throw new Error('broken');
      }
    }
    const { handle, notes, letters } = await startWith(
      [Crm],
      { handlerTimeoutMs: 1_000, retry: false },
      { connection: pool },
    );

    await handle(message('broken'));
    await handle(message('hello'));
    await holder.query('SELECT pg_advisory_unlock($1)', [key]);

    expect(await letters.list()).toHaveLength(1);
    expect(await notes()).toEqual(['hello']);
  });

  it('runs at READ COMMITTED with another default of the database', async () => {
    const pool = new Pool({
      connectionString: inject('postgresUrl'),
      options: '-c default_transaction_isolation=serializable',
    });
    onTestFinished(() => pool.end());
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(_: UserMessageEvent, tx: XeniooTransaction) {
        const { rows } = await tx.query('SHOW transaction_isolation');
        await insert(tx, rows[0]!['transaction_isolation']);
      }
    }
    const { handle, notes } = await startWith([Crm], {}, { connection: pool });

    await handle(message('hello'));

    expect(await notes()).toEqual(['read committed']);
  });

  it('gets an error from a statement that it runs after its time-out', async () => {
    const late: unknown[] = [];
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, event.text);
        await new Promise(resolve => setTimeout(resolve, 400));
        await insert(tx, 'late').catch(error => late.push(error));
      }
    }
    const { handle, notes, letters } = await startWith([Crm], {
      handlerTimeoutMs: 100,
      retry: false,
    });

    await handle(message('hello'));

    await expect.poll(() => late).toHaveLength(1);
    expect(String(late[0])).toContain('took longer than `handlerTimeoutMs`');
    expect(await notes()).toEqual([]);
    expect(await letters.list()).toHaveLength(1);
  });

  it('commits once when an ordinary handler of the same event is retried', async () => {
    const seen: unknown[] = [];
    let hasFailed = false;
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, event.text);
      }

      @OnXenioo()
      log(event: XeniooEvent) {
        seen.push(event.id);
        if (hasFailed) return;
        hasFailed = true;
        throw new Error('at first');
      }
    }
    const { handle, notes } = await startWith([Crm]);

    await handle(message('hello'));

    expect(await notes()).toEqual(['hello']);
    expect(seen).toHaveLength(2);
  });

  it('leaves connections of a shared pool to the inbox', async () => {
    const pool = new Pool({
      connectionString: inject('postgresUrl'),
      max: 4,
    });
    onTestFinished(() => pool.end());
    let running = 0;
    let most = 0;
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        most = Math.max(most, ++running);
        await insert(tx, event.text);
        await tx.query('SELECT pg_sleep(0.02)');
        running--;
      }
    }
    const { handle, notes } = await startWith([Crm], {}, { connection: pool });

    await handle(Array.from({ length: 20 }, (_, n) => message(`m${n}`)));

    expect(await notes()).toHaveLength(20);
    expect(most).toBe(1);
  });

  it('runs in a transaction of the application with the option `transaction`', async () => {
    const pool = new Pool({ connectionString: inject('postgresUrl') });
    onTestFinished(() => pool.end());
    let attempts = 0;
    let transactions = 0;
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, event.text);
        if (++attempts === 1) throw new Error('at first');
      }
    }
    const { handle, notes } = await startWith(
      [Crm],
      {},
      {
        transaction: async work => {
          transactions++;
          const client = await pool.connect();
          try {
            await client.query('BEGIN');
            await work({
              query: async (text, values) =>
                client.query(text, [...(values ?? [])]),
            });
            await client.query('COMMIT');
          } catch (error) {
            await client.query('ROLLBACK');
            throw error;
          } finally {
            client.release();
          }
        },
      },
    );

    await handle(message('hello'));

    expect(await notes()).toEqual(['hello']);
    expect(transactions).toBe(2);
  });

  it('makes the application fail to boot with another inbox', async () => {
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      save() {}
    }

    await expect(startWith([Crm], { inbox: undefined })).rejects.toThrow(
      "Crm.save can't run: handlers with `transactional: true` need the PostgreSQL inbox",
    );
  });
});

describeEngine('pgbouncer', 'a transactional handler behind PgBouncer', () => {
  it('commits what it wrote, and rolls back where it throws', async () => {
    const pooler = await startPgbouncer(inject('postgresUrl'));
    onTestFinished(() => pooler.stop());
    let attempts = 0;
    @Injectable()
    class Crm {
      @OnXenioo(XeniooEventType.UserMessage, { transactional: true })
      async save(event: UserMessageEvent, tx: XeniooTransaction) {
        await insert(tx, `${event.text} ${++attempts}`);
        if (attempts === 1) throw new Error('at first');
      }
    }
    const { handle, notes } = await startWith(
      [Crm],
      {},
      { connection: pooler.url, transactionPooling: true },
    );

    await handle(message('hello'));

    expect(await notes()).toEqual(['hello 2']);
  });
});
