/** Version of the tables that this version of the package uses. */
export const SCHEMA_VERSION = 1;

/** Names of schemas; with a longer one, names of prepared statements would exceed the 63 characters that PostgreSQL distinguishes. */
export const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,39}$/;

/** Returns the SQL that creates the tables of version 1; tables that exist are not changed. */
export function schemaSql(schema: string): string {
  // Quoted, because it may be a reserved word.
  const s = `"${schema}"`;
  return `
-- nestjs-xenioo, version ${SCHEMA_VERSION} of the tables. Running it again changes nothing.
DO $$ BEGIN
  IF current_setting('server_encoding') NOT IN ('UTF8', 'SQL_ASCII') THEN
    RAISE EXCEPTION 'the database has the encoding %, which lacks characters of events; use one with the encoding UTF8 (CREATE DATABASE app ENCODING ''UTF8'' TEMPLATE template0)', current_setting('server_encoding');
  END IF;
  IF to_regnamespace('${s}') IS NULL THEN CREATE SCHEMA ${s}; END IF;
END $$;

CREATE TABLE IF NOT EXISTS ${s}.version (version int NOT NULL PRIMARY KEY);

-- Accepted events that are not in their conversations yet: a row has those of the calls that arrived together.
CREATE TABLE IF NOT EXISTS ${s}.arrival (
  seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  received_at timestamptz NOT NULL,    -- of the oldest event
  size    int NOT NULL,                -- number of events; each of the arrays has an element for each
  ids     uuid[] NOT NULL,             -- hash of the id; null for an event that is never a duplicate
  bots    text[] NOT NULL,
  lanes   bigint[] NOT NULL,
  starts  int[] NOT NULL,              -- place of the event in the column bodies
  lengths int[] NOT NULL,
  bodies  bytea NOT NULL               -- JSON texts in UTF-8
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
        toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_cost_delay = 0);
-- Compressing would take longer than writing.
ALTER TABLE ${s}.arrival
  ALTER COLUMN ids SET STORAGE EXTERNAL, ALTER COLUMN bots SET STORAGE EXTERNAL, ALTER COLUMN lanes SET STORAGE EXTERNAL,
  ALTER COLUMN starts SET STORAGE EXTERNAL, ALTER COLUMN lengths SET STORAGE EXTERNAL, ALTER COLUMN bodies SET STORAGE EXTERNAL;

-- One row per conversation with pending events; an event without a conversation gets a lane of its own.
CREATE TABLE IF NOT EXISTS ${s}.lane (
  lane   bigint PRIMARY KEY,           -- hash of bot and conversation
  head   bigint NOT NULL DEFAULT 0,    -- number of the oldest event
  tail   bigint NOT NULL,              -- number that the next event gets
  worker bigint,                       -- process that has claimed the events, if any
  claim  bigint,                       -- random number of the claim: a server that crashes may lose a claim
  deaths smallint NOT NULL DEFAULT 0,  -- process deaths while the oldest event was claimed
  since  timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX IF NOT EXISTS lane_ready ON ${s}.lane (since) WHERE worker IS NULL;
CREATE INDEX IF NOT EXISTS lane_held ON ${s}.lane (worker) WHERE worker IS NOT NULL;
CREATE INDEX IF NOT EXISTS lane_suspect ON ${s}.lane (lane) WHERE deaths >= 2;

-- Events whose first run is pending.
CREATE TABLE IF NOT EXISTS ${s}.event (
  lane bigint NOT NULL,
  n    bigint NOT NULL,                -- number in its lane
  id   bigint NOT NULL DEFAULT floor(random() * 2 ^ 53), -- random, like that of a worker
  received_at timestamptz NOT NULL,
  done text[],                         -- transactional handlers that have committed
  body bytea NOT NULL,                 -- JSON text in UTF-8
  PRIMARY KEY (lane, n)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

-- Tasks of single handlers that wait for their next attempt, and events that wait for a process that can read them.
CREATE TABLE IF NOT EXISTS ${s}.retry (
  id      bigint PRIMARY KEY DEFAULT floor(random() * 2 ^ 53), -- random, like that of a worker
  handler text,
  due     timestamptz NOT NULL,
  worker  bigint,
  deaths  smallint NOT NULL DEFAULT 0,
  done    text[],                      -- of an event without a handler, which no process could read: as in the table event
  body    bytea NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
CREATE INDEX IF NOT EXISTS retry_due ON ${s}.retry (due) WHERE worker IS NULL;
CREATE INDEX IF NOT EXISTS retry_held ON ${s}.retry (worker) WHERE worker IS NOT NULL;

CREATE TABLE IF NOT EXISTS ${s}.dead_letter (
  id   text PRIMARY KEY,
  seq  bigint GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL,
  handler text, event_id text NOT NULL, bot text NOT NULL, conversation_id text,
  attempts int, error text,
  dead_lettered_at timestamptz NOT NULL,
  body bytea NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS dead_letter_order ON ${s}.dead_letter (seq);
-- A hash index, because a B-tree rejects long ids.
CREATE INDEX IF NOT EXISTS dead_letter_conversation ON ${s}.dead_letter USING hash (conversation_id);

-- Hashes of accepted ids (the option \`dedupe\`).
CREATE TABLE IF NOT EXISTS ${s}.accepted (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL              -- has no index: removing old ids reads the whole table, seldom
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- Processes that handle events.
CREATE TABLE IF NOT EXISTS ${s}.worker (
  id   bigint PRIMARY KEY DEFAULT floor(random() * 2 ^ 53), -- random: tables that are created again must not repeat it
  beat timestamptz NOT NULL DEFAULT clock_timestamp(),
  session boolean NOT NULL,            -- true if its session holds an advisory lock
  lease_ms int NOT NULL,               -- time without a heartbeat after which others take over its events
  ended boolean NOT NULL DEFAULT false -- true if it claims no more events; its row is removed soon
) WITH (fillfactor = 50);

-- Fails if one of the tables existed and belongs to another application.
DO $$ BEGIN
  PERFORM version + 1 FROM ${s}.version LIMIT 0;
  PERFORM seq, received_at, size, ids, bots, lanes, starts, lengths, bodies FROM ${s}.arrival LIMIT 0;
  PERFORM lane, head, tail, worker, claim, deaths, since FROM ${s}.lane LIMIT 0;
  PERFORM lane, n, id, received_at, done, body FROM ${s}.event LIMIT 0;
  PERFORM id, handler, due, worker, deaths, done, body FROM ${s}.retry LIMIT 0;
  PERFORM id, seq, kind, handler, event_id, bot, conversation_id, attempts, error, dead_lettered_at, body FROM ${s}.dead_letter LIMIT 0;
  PERFORM id, at FROM ${s}.accepted LIMIT 0;
  PERFORM id, beat, session, lease_ms, ended FROM ${s}.worker LIMIT 0;
END $$;

-- Repairs what refers to a table that was dropped or emptied alone. Otherwise these statements change nothing.
INSERT INTO ${s}.lane (lane, head, tail)
  SELECT lane, min(n), max(n) + 1 FROM ${s}.event e WHERE NOT EXISTS (SELECT FROM ${s}.lane l WHERE l.lane = e.lane) GROUP BY lane;
DELETE FROM ${s}.lane WHERE NOT EXISTS (SELECT FROM ${s}.event);
UPDATE ${s}.lane SET worker = NULL WHERE worker IS NOT NULL AND NOT EXISTS (SELECT FROM ${s}.worker);
UPDATE ${s}.retry SET worker = NULL WHERE worker IS NOT NULL AND NOT EXISTS (SELECT FROM ${s}.worker);

-- Views for operators.
CREATE OR REPLACE VIEW ${s}.waiting_retries AS
  SELECT id, handler, due, worker IS NOT NULL AS is_running,
         coalesce(substring(split_part(task, '"entry":', 1) FROM '"attempts":([0-9]+)')::int, 0) AS attempts,
         substring(task FROM '"entry":{"id":"([^"]+)"') AS event_id, task
    FROM (SELECT *, convert_from(body, 'UTF8') AS task FROM ${s}.retry) AS retry;
CREATE OR REPLACE VIEW ${s}.dead_letters AS
  SELECT id, kind, handler, event_id, bot, conversation_id, attempts, error, dead_lettered_at,
         convert_from(body, 'UTF8') AS letter FROM ${s}.dead_letter;

INSERT INTO ${s}.version (version) VALUES (${SCHEMA_VERSION}) ON CONFLICT DO NOTHING;
`;
}
