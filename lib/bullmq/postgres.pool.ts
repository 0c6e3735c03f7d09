import type { Pool, PoolConfig } from 'pg';
import { givingWay, isStalledPass } from './postgres.stalled-pass.js';

/** The class `Pool` of the package pg. */
export type PoolClass = new (config: PoolConfig) => Pool;

/** SQLSTATE and system errors that pass by themselves. */
const PASSING_CODES =
  /^(08|57P0|53|40P01|40001|55P03|57014|25P0[23])|^(ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/** What the client says of connections that broke or do not answer; these have no code. */
const PASSING_MESSAGES = /terminated|time-?out|not queryable|closed/i;

/**
 * A pool. Broken connections are replaced, and who asked over one of them is told:
 * one that breaks while BullMQ holds it would else end the process.
 */
export function quietPool(PgPool: PoolClass, config: PoolConfig): Pool {
  const pool = new PgPool(config);
  pool.on('error', () => {});
  pool.on('connect', client => client.on('error', () => {}));
  return pool;
}

/**
 * A pool for a worker. BullMQ 6.7 takes `ECONNREFUSED` alone for trouble of the
 * connection, and tries again to record a job that was handled; with any other it
 * would record that the job had failed. So whatever passes by itself gets that code.
 */
export function patientPool(PgPool: PoolClass, config: PoolConfig): Pool {
  // One waits for news of jobs all the time.
  const max = Math.max(2, config.max ?? 10);
  const pool = quietPool(PgPool, { ...config, max });
  const query = pool.query.bind(pool) as (...given: unknown[]) => unknown;
  pool.query = (async (...given: unknown[]) => {
    try {
      return isStalledPass(given)
        ? await givingWay(pool, given)
        : await query(...given);
    } catch (error) {
      throw isPassing(error) ? asRefusedConnection(error) : error;
    }
  }) as Pool['query'];
  return pool;
}

function isPassing(error: unknown): error is Error {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === 'string'
    ? PASSING_CODES.test(code)
    : PASSING_MESSAGES.test(String(message));
}

function asRefusedConnection({ message }: Error): Error {
  return Object.assign(new Error(`ECONNREFUSED: ${message}`), {
    code: 'ECONNREFUSED',
  });
}
