/** Number of process deaths from which a task runs alone, so that another death is counted for no other task. */
export const ALONE_FROM_DEATHS = 2;

/** Number of events up to which one statement distributes; the last arrival may exceed it. */
const DISTRIBUTION_SIZE = 1_000;

/** Number of bytes that count as one event of a distribution: moving many large events at once would exceed the time-out of statements. */
const BYTES_PER_EVENT = 2 ** 15;

/** Upper bound in bytes of the first events of the conversations that one statement claims, of their other events, and of the retries. The last first event and the last retry may exceed it. */
export const BYTES_PER_CLAIM = 2 ** 25;

/** Upper bound of the rows that one purge statement removes. */
export const PURGE_BATCH_SIZE = 10_000;

/** Time in milliseconds without a heartbeat after which a worker whose session has ended counts as dead. */
export const SESSION_LOST_AFTER_MS = 1_500;

/** Time in milliseconds within which a transaction of a handler commits after its last statement. */
const COMMIT_WITHIN_MS = 10_000;

/** Second keys of advisory locks; those of workers are not negative. */
export const MIGRATION_LOCK = -1;
const DISTRIBUTION_LOCK = -2;

/** Returns the first key of the advisory locks of a schema; the second key is the id of a worker, or one of the constants above. */
export function lockKeyOf(schema: string): number {
  let hash = 20_824;
  for (const char of schema) {
    hash = (hash * 31 + char.codePointAt(0)!) & 0x7f_ff_ff_ff;
  }
  return hash;
}

/** SQL of all statements of the inbox, by name. */
export type Statements = ReturnType<typeof statementsFor>;

/** Returns the SQL of all statements for the tables of a schema. */
export function statementsFor(schema: string) {
  // Quoted, because it may be a reserved word.
  const s = `"${schema}"`;
  /** Turns off waiting for the disk: a heartbeat that a server crash loses is sent again. */
  const unsynced = `unsynced AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))`;
  /** Locks the row of the worker, so that it does not end while it claims; a worker that has ended claims nothing. A claim that finds nothing takes no lock. */
  const thisWorkerIf = (found: string) =>
    `this_worker AS MATERIALIZED (SELECT id FROM ${s}.worker WHERE id = $1 AND NOT ended AND EXISTS (SELECT FROM ${found}) FOR KEY SHARE)`;

  const commitsSoon = `set_config('idle_in_transaction_session_timeout', '${COMMIT_WITHIN_MS}', true)`;

  return {
    /** Stores entries in one row. */
    accept: `
INSERT INTO ${s}.arrival (received_at, size, ids, bots, lanes, starts, lengths, bodies)
VALUES (to_timestamp($1::float8 / 1000), $2, $3, $4, $5, $6, $7, $8)`,

    /**
     * Moves accepted events to their conversations, in the order of their arrival and one process at a time, without
     * the duplicates; these are counted by bot. The answer is small, because a suspended process does not read it, and
     * the others wait for their turn until the statement ends. It need not be durable: a server that crashes still has the arrivals.
     * Both ORDER BYs prevent deadlocks.
     */
    distribute: `
WITH ${unsynced}, next AS MATERIALIZED (
  SELECT seq FROM (
    SELECT seq, sum(size) OVER (ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
      FROM (SELECT seq, size + octet_length(bodies) / ${BYTES_PER_EVENT} AS size FROM ${s}.arrival ORDER BY seq LIMIT ${DISTRIBUTION_SIZE}) AS first
  ) AS sized WHERE before IS NULL OR before < ${DISTRIBUTION_SIZE}
), turn AS MATERIALIZED (
  SELECT pg_advisory_xact_lock(${lockKeyOf(schema)}, ${DISTRIBUTION_LOCK}) FROM next LIMIT 1
), arrived AS MATERIALIZED (
  DELETE FROM ${s}.arrival USING unsynced WHERE seq = ANY(ARRAY(SELECT seq FROM next)) AND EXISTS (SELECT FROM turn)
  RETURNING seq, received_at, ids, bots, lanes, starts, lengths, substr(bodies, 1) AS bodies
), entries AS MATERIALIZED (
  SELECT seq, n, id, bot, lane, received_at, substr(bodies, start, length) AS body
    FROM arrived, unnest(ids, bots, lanes, starts, lengths) WITH ORDINALITY AS t(id, bot, lane, start, length, n)
), input AS MATERIALIZED (
  SELECT id, bot, lane, received_at, body, row_number() OVER (ORDER BY seq, n) AS place,
         id IS NOT NULL AND row_number() OVER (PARTITION BY id ORDER BY seq, n) > 1 AS is_repeated
    FROM entries
), new_ids AS MATERIALIZED (
  INSERT INTO ${s}.accepted AS a (id, at)
  SELECT id, statement_timestamp() + place * interval '1 microsecond' FROM input WHERE id IS NOT NULL AND NOT is_repeated ORDER BY id
  ON CONFLICT (id) DO UPDATE SET at = excluded.at WHERE a.at <= clock_timestamp() - $1 * interval '1 second'
  RETURNING id
), new_entries AS MATERIALIZED (
  SELECT lane, place, received_at, body, row_number() OVER (PARTITION BY lane ORDER BY place) AS place_in_lane,
         count(*) OVER (PARTITION BY lane) AS count_in_lane
    FROM input WHERE id IS NULL OR NOT is_repeated AND id IN (SELECT id FROM new_ids)
), lanes AS (
  INSERT INTO ${s}.lane AS l (lane, tail, since)
  SELECT lane, count(*), statement_timestamp() + min(place) * interval '1 microsecond' FROM new_entries GROUP BY lane ORDER BY lane
  ON CONFLICT (lane) DO UPDATE SET tail = l.tail + excluded.tail
  RETURNING lane, tail
), stored AS (
  INSERT INTO ${s}.event (lane, n, received_at, body)
  SELECT lane, lanes.tail - count_in_lane + place_in_lane - 1, received_at, body FROM new_entries JOIN lanes USING (lane)
), duplicates AS (
  SELECT bot, count(*) AS count FROM input WHERE is_repeated OR id IS NOT NULL AND id NOT IN (SELECT id FROM new_ids) GROUP BY bot
)
SELECT (SELECT count(*) FROM next)::int AS arrivals, (SELECT count(*) FROM new_ids)::int AS ids,
       (SELECT json_agg(json_build_object('bot', bot, 'count', count)) FROM duplicates) AS duplicates`,

    /** Claims conversations that no process has claimed, with their first events. */
    claim: claim('deaths < 2 AND since >= to_timestamp($5::float8)', 'since'),

    /** Claims one conversation during whose first event processes died. */
    claimSuspect: claim(
      'deaths >= 2 AND extract(epoch FROM since) >= $5::float8',
      'lane',
    ),

    claimRetries: claimRetries('deaths < 2'),
    claimSuspectRetry: claimRetries('deaths >= 2'),

    hasSuspects: `
SELECT EXISTS (SELECT FROM ${s}.lane WHERE deaths >= 2 AND worker IS NULL)
    OR EXISTS (SELECT FROM ${s}.retry WHERE deaths >= 2 AND worker IS NULL AND due <= clock_timestamp()) AS found`,

    nextRetry: `
SELECT extract(epoch FROM min(due) - clock_timestamp())::float8 * 1000 AS in_ms FROM ${s}.retry WHERE worker IS NULL`,

    /**
     * Records runs whose conversations and retries this worker still claims: moves heads, removes the events and retries
     * that have run, adds retries and dead letters. A transactional handler that has committed meanwhile gets neither.
     * A conversation whose events somebody has deleted ends too, unless it got others since the statement began, which does not see them.
     */
    record: `
WITH input AS MATERIALIZED (
  SELECT * FROM unnest($2::bigint[], $3::bigint[], $4::boolean[], $8::bigint[]) AS t(lane, head, ends, claim)
), claimed AS MATERIALIZED (
  SELECT lane, tail, claim FROM ${s}.lane WHERE lane = ANY($2) AND worker = $1 AND claim = ANY($8) ORDER BY lane FOR UPDATE
), decided AS MATERIALIZED (
  SELECT i.*, i.ends AND (i.head >= h.tail OR
           NOT EXISTS (SELECT FROM ${s}.event e WHERE e.lane = i.lane AND e.n >= i.head)
           AND h.tail = (SELECT tail FROM ${s}.lane l WHERE l.lane = i.lane)) AS is_empty
    FROM input i JOIN claimed h USING (lane, claim)
), emptied AS (
  DELETE FROM ${s}.lane l USING decided d WHERE l.lane = d.lane AND d.is_empty
), moved AS (
  UPDATE ${s}.lane l SET head = d.head,
     worker = CASE WHEN d.ends THEN NULL ELSE l.worker END,
     deaths = CASE WHEN d.head > l.head THEN 0 ELSE l.deaths END,
     since = CASE WHEN d.ends THEN clock_timestamp() ELSE l.since END
    FROM decided d WHERE l.lane = d.lane AND NOT d.is_empty
), run_events AS MATERIALIZED (
  DELETE FROM ${s}.event e USING decided d WHERE e.lane = d.lane AND e.n < d.head RETURNING e.lane, e.n, e.done, d.claim
), run_retries AS MATERIALIZED (
  DELETE FROM ${s}.retry WHERE id = ANY($5) AND worker = $1 RETURNING id, done
), new_retries AS (
  INSERT INTO ${s}.retry (handler, due, body, done)
  SELECT handler, clock_timestamp() + delay * interval '1 ms', convert_to(body, 'UTF8'),
         CASE WHEN handler IS NULL THEN coalesce((SELECT done FROM run_events e WHERE e.lane = r.lane AND e.n = source),
                                                 (SELECT done FROM run_retries WHERE id = source)) END
    FROM json_to_recordset($6::json) AS r(lane bigint, claim bigint, source bigint, handler text, delay float8, body text)
   WHERE ${isRecorded('r')}
), new_letters AS (
  INSERT INTO ${s}.dead_letter AS d
    (id, kind, handler, event_id, bot, conversation_id, attempts, error, dead_lettered_at, body)
  SELECT id, kind, handler, event_id, bot, conversation_id, attempts, error, to_timestamp(at / 1000.0),
         convert_to(body, 'UTF8')
    FROM json_to_recordset($7::json) AS r(lane bigint, claim bigint, source bigint, id text, kind text, handler text,
      event_id text, bot text, conversation_id text, attempts int, error text, at float8, body text)
   WHERE ${isRecorded('r')}
  ON CONFLICT (id) DO UPDATE SET seq = DEFAULT, kind = excluded.kind, handler = excluded.handler,
    event_id = excluded.event_id, bot = excluded.bot, conversation_id = excluded.conversation_id,
    attempts = excluded.attempts, error = excluded.error, dead_lettered_at = excluded.dead_lettered_at,
    body = excluded.body
  RETURNING id
)
SELECT (SELECT json_agg(lane || '/' || claim) FROM decided) AS lanes, (SELECT json_agg(id::text) FROM run_retries) AS retries,
       (SELECT json_agg(id) FROM new_letters) AS letters`,

    /**
     * Records a transactional handler as done, in its transaction; returns no row if another process has recorded it. The
     * time-out ends the transaction of a process that is suspended before its commit: it has locked the row.
     */
    doneInFirstRun: `
WITH recorded AS (
  UPDATE ${s}.event SET done = array_append(coalesce(done, '{}'), $4)
   WHERE lane = $1 AND n = $2 AND id = $3 AND NOT coalesce($4 = ANY(done), false) RETURNING 1 AS recorded
) SELECT recorded, ${commitsSoon} FROM recorded`,
    doneInRetry: `
WITH removed AS (
  DELETE FROM ${s}.retry WHERE id = $1 AND handler IS NOT NULL RETURNING 1 AS recorded
), changed AS (
  UPDATE ${s}.retry SET done = array_append(coalesce(done, '{}'), $2)
   WHERE id = $1 AND handler IS NULL AND NOT coalesce($2 = ANY(done), false) RETURNING 1 AS recorded
), recorded AS (TABLE removed UNION ALL TABLE changed) SELECT recorded, ${commitsSoon} FROM recorded`,

    /** Returns a row if a handler whose commit had an unknown outcome is not done; waits for a commit in progress. */
    isPendingInFirstRun: `
SELECT 1 AS pending FROM ${s}.event
 WHERE lane = $1 AND n = $2 AND id = $3 AND NOT coalesce($4 = ANY(done), false) FOR SHARE`,
    isPendingInRetry: `
SELECT 1 AS pending FROM ${s}.retry WHERE id = $1 AND NOT coalesce($2 = ANY(done), false) FOR SHARE`,

    registerWorker: `INSERT INTO ${s}.worker (session, lease_ms) VALUES ($1, $2) RETURNING id`,
    heartbeat: `
WITH ${unsynced} UPDATE ${s}.worker SET beat = clock_timestamp() FROM unsynced WHERE id = $1 AND NOT ended RETURNING id`,

    /**
     * Ends dead workers other than this one, releases their conversations and retries, and counts the death; returns these
     * workers. Does not see what a worker claimed after the statement began. So it removes only the workers that had ended
     * by then, which have claimed nothing since; those that another process has ended meanwhile are removed by a later statement.
     */
    releaseDeadWorkers: `
WITH dead_workers AS MATERIALIZED (
  SELECT id FROM ${s}.worker w WHERE id <> $1 AND (ended OR beat < clock_timestamp() - lease_ms * interval '1 ms'
     OR session AND beat < clock_timestamp() - interval '${SESSION_LOST_AFTER_MS} ms' AND NOT EXISTS (
       SELECT FROM pg_locks p WHERE p.locktype = 'advisory' AND p.classid = ${lockKeyOf(schema)}
          AND p.objid = (w.id & 2147483647)::oid AND p.granted
          AND p.database = (SELECT oid FROM pg_database WHERE datname = current_database())))
  ORDER BY id FOR UPDATE SKIP LOCKED
), claimed AS MATERIALIZED (
  SELECT lane FROM ${s}.lane WHERE worker = ANY(ARRAY(SELECT id FROM dead_workers)) ORDER BY lane FOR UPDATE
), lanes AS (
  UPDATE ${s}.lane l SET worker = NULL, deaths = deaths + 1 FROM claimed WHERE l.lane = claimed.lane
), retries AS (
  UPDATE ${s}.retry SET worker = NULL, deaths = deaths + 1 WHERE worker = ANY(ARRAY(SELECT id FROM dead_workers))
), removed AS (
  DELETE FROM ${s}.worker WHERE ended AND id = ANY(ARRAY(SELECT id FROM dead_workers))
)
UPDATE ${s}.worker SET ended = true WHERE NOT ended AND id = ANY(ARRAY(SELECT id FROM dead_workers)) RETURNING id`,

    /** Ends this worker: waits for its claims in progress, and allows no more. */
    endWorker: `
WITH this_worker AS MATERIALIZED (SELECT id FROM ${s}.worker WHERE id = $1 FOR UPDATE)
UPDATE ${s}.worker w SET ended = true FROM this_worker t WHERE w.id = t.id`,

    /** Releases the claims of this worker other than the listed ones: at its end, or after the answer to a claim was lost. */
    releaseClaims: `
WITH claimed AS MATERIALIZED (SELECT lane FROM ${s}.lane WHERE worker = $1 AND lane <> ALL($2::bigint[]) ORDER BY lane FOR UPDATE),
     lanes AS (UPDATE ${s}.lane l SET worker = NULL FROM claimed c WHERE l.lane = c.lane RETURNING 1 AS released),
     retries AS (UPDATE ${s}.retry SET worker = NULL WHERE worker = $1 AND id <> ALL($3::bigint[]) RETURNING 1 AS released)
SELECT released FROM lanes UNION ALL SELECT released FROM retries`,

    stats: `
SELECT (SELECT coalesce(sum(tail - head), 0) FROM ${s}.lane)::float8
         + (SELECT coalesce(sum(size), 0) FROM ${s}.arrival)::float8 AS pending,
       (SELECT count(*) FROM ${s}.retry)::float8 AS retries,
       (SELECT count(*) FROM ${s}.dead_letter)::float8 AS letters,
       (SELECT extract(epoch FROM min(received_at)) * 1000 FROM (
          SELECT e.received_at FROM (
            (SELECT lane, head FROM ${s}.lane WHERE worker IS NOT NULL LIMIT 1000) UNION ALL
            (SELECT lane, head FROM ${s}.lane WHERE worker IS NULL ORDER BY since LIMIT 10)) l
          JOIN ${s}.event e ON e.lane = l.lane AND e.n = l.head UNION ALL
          (SELECT received_at FROM ${s}.arrival ORDER BY seq LIMIT 10)) AS first) AS oldest`,
    isEmpty: `
SELECT NOT EXISTS (SELECT FROM ${s}.arrival) AND NOT EXISTS (SELECT FROM ${s}.event) AND NOT EXISTS (SELECT FROM ${s}.retry) AS empty`,

    letter: `SELECT ${hex('body')} FROM ${s}.dead_letter WHERE id = $1`,
    letterOrder: `SELECT seq FROM ${s}.dead_letter WHERE id = $1`,
    letters: `
SELECT seq, id, ${hex('body')} FROM ${s}.dead_letter
 WHERE seq > $1 AND ($3::text IS NULL OR kind = $3) AND ($4::text IS NULL OR handler = $4)
   AND ($5::text IS NULL OR event_id = $5) AND ($6::text IS NULL OR bot = $6)
   AND ($7::text IS NULL OR conversation_id = $7)
 ORDER BY seq LIMIT $2`,
    removeLetter: `DELETE FROM ${s}.dead_letter WHERE id = $1 RETURNING id`,
    addRetry: `INSERT INTO ${s}.retry (handler, due, body) VALUES ($1, clock_timestamp(), $2)`,
    purgeLetters: `
WITH old AS (SELECT id FROM ${s}.dead_letter WHERE dead_lettered_at < now() - $1 * interval '1 day'
              LIMIT ${PURGE_BATCH_SIZE} FOR UPDATE SKIP LOCKED)
DELETE FROM ${s}.dead_letter WHERE id IN (SELECT id FROM old) RETURNING id`,

    countAccepted: `SELECT count(*)::float8 AS count FROM ${s}.accepted`,
    purgeAccepted: `
WITH old AS (SELECT id FROM ${s}.accepted WHERE at <= now() - $1 * interval '1 second' ORDER BY at
              LIMIT ${PURGE_BATCH_SIZE} FOR UPDATE SKIP LOCKED)
DELETE FROM ${s}.accepted WHERE id IN (SELECT id FROM old) RETURNING id`,
    trimAccepted: `
WITH old AS (SELECT id FROM ${s}.accepted ORDER BY at LIMIT $1 FOR UPDATE SKIP LOCKED)
DELETE FROM ${s}.accepted WHERE id IN (SELECT id FROM old)`,

    /** Commits a message in the write-ahead log, which a standby refuses, and leaves no row. The DELETE fails in a read-only transaction. */
    probe: `
WITH nothing AS (DELETE FROM ${s}.arrival WHERE false)
SELECT pg_logical_emit_message(true, 'nestjs-xenioo', '')::text, EXISTS (SELECT FROM ${s}.arrival) AS found`,

    version: `SELECT max(version) AS version FROM ${s}.version`,
  } as const;

  /** Returns the SQL of a claim of conversations. It uses an array instead of a join: with a join, a generic plan scans all lanes. */
  function claim(condition: string, order: string): string {
    return `
WITH free AS MATERIALIZED (
  SELECT lane AS key, (SELECT octet_length(body) FROM ${s}.event e WHERE e.lane = l.lane AND e.n = l.head) AS bytes
    FROM ${s}.lane l WHERE worker IS NULL AND ${condition}
   ORDER BY ${order} LIMIT $2 FOR UPDATE SKIP LOCKED
), ${thisWorkerIf('free')}, claimed AS (
  UPDATE ${s}.lane l SET worker = $1, claim = $6 WHERE l.lane = ANY(${firstOf('free')}) AND l.worker IS NULL
     AND EXISTS (SELECT FROM this_worker)
  RETURNING l.lane, l.head, l.deaths, l.since
)
SELECT m.lane, m.head, m.deaths, extract(epoch FROM m.since) AS since, e.id, e.n, to_json(e.done) AS done, ${hex('e.body')} FROM claimed m LEFT JOIN LATERAL (
  SELECT id, n, done, body FROM (
    SELECT id, n, done, body,
           sum(octet_length(body)) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
      FROM (SELECT id, n, done, body FROM ${s}.event WHERE lane = m.lane AND n >= m.head
             ORDER BY n LIMIT CASE WHEN m.deaths > 0 THEN 1 ELSE $3::int END) AS first
  ) AS sized WHERE before IS NULL OR before < $4::bigint
) e ON true ORDER BY m.since, m.lane, e.n`;
  }

  function claimRetries(condition: string): string {
    return `
WITH due AS MATERIALIZED (
  SELECT id AS key, octet_length(body) AS bytes FROM ${s}.retry WHERE worker IS NULL AND due <= clock_timestamp() AND ${condition}
   ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED
), ${thisWorkerIf('due')}
UPDATE ${s}.retry SET worker = $1 WHERE id = ANY(${firstOf('due')}) AND worker IS NULL AND EXISTS (SELECT FROM this_worker)
RETURNING id, deaths, to_json(done) AS done, ${hex('body')}`;
  }
}

/** Returns the SQL of the column `body` in hexadecimal: the text of a `bytea` depends on the setting `bytea_output`. */
function hex(column: string): string {
  return `encode(${column}, 'hex') AS body`;
}

/** Returns the SQL of an array of the keys of the first rows, up to `BYTES_PER_CLAIM`; the last row may exceed it. */
function firstOf(rows: string): string {
  return `ARRAY(SELECT key FROM (
    SELECT key, sum(bytes) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM ${rows}
  ) AS sized WHERE before IS NULL OR before < ${BYTES_PER_CLAIM})`;
}

/** Returns the SQL condition that the run of a retry or dead letter is recorded by the same statement. */
function isRecorded(row: string): string {
  return `CASE WHEN ${row}.lane IS NULL THEN EXISTS (
    SELECT FROM run_retries e WHERE e.id = ${row}.source AND NOT coalesce(${row}.handler = ANY(e.done), false)) ELSE EXISTS (
    SELECT FROM run_events e WHERE e.lane = ${row}.lane AND e.claim = ${row}.claim AND e.n = ${row}.source
       AND NOT coalesce(${row}.handler = ANY(e.done), false)) END`;
}
