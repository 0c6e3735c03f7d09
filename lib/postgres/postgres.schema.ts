/** Version of the tables that this version of the package uses. */
export const SCHEMA_VERSION = 1;

/** Names of schemas; with a longer one, names of prepared statements would exceed the 63 characters that PostgreSQL distinguishes. */
export const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,39}$/;

/** Returns the SQL that creates the tables of version 1; tables that exist are not changed. */
export function schemaSql(schema: string): string {
  return `
-- nestjs-xenioo, version ${SCHEMA_VERSION} of the tables. Running it again changes nothing.
DO $$ BEGIN
  IF current_setting('server_encoding') NOT IN ('UTF8', 'SQL_ASCII') THEN
    RAISE EXCEPTION 'the database has the encoding %, which lacks characters of events; use one with the encoding UTF8 (CREATE DATABASE app ENCODING ''UTF8'' TEMPLATE template0)', current_setting('server_encoding');
  END IF;
  IF to_regnamespace('${schema}') IS NULL THEN CREATE SCHEMA ${schema}; END IF;
END $$;

CREATE TABLE IF NOT EXISTS ${schema}.version (version int NOT NULL PRIMARY KEY);

-- Accepted events that are not in their conversations yet: a row has those of the calls that arrived together.
CREATE TABLE IF NOT EXISTS ${schema}.arrival (
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
ALTER TABLE ${schema}.arrival
  ALTER COLUMN ids SET STORAGE EXTERNAL, ALTER COLUMN bots SET STORAGE EXTERNAL, ALTER COLUMN lanes SET STORAGE EXTERNAL,
  ALTER COLUMN starts SET STORAGE EXTERNAL, ALTER COLUMN lengths SET STORAGE EXTERNAL, ALTER COLUMN bodies SET STORAGE EXTERNAL;

-- One row per conversation with pending events; an event without a conversation gets a lane of its own.
CREATE TABLE IF NOT EXISTS ${schema}.lane (
  lane   bigint PRIMARY KEY,           -- hash of bot and conversation
  head   bigint NOT NULL DEFAULT 0,    -- number of the oldest event
  tail   bigint NOT NULL,              -- number that the next event gets
  worker bigint,                       -- process that has claimed the events, if any
  claim  bigint,                       -- random number of the claim: a server that crashes may lose a claim
  deaths smallint NOT NULL DEFAULT 0,  -- process deaths while the oldest event was claimed
  since  timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX IF NOT EXISTS lane_ready ON ${schema}.lane (since) WHERE worker IS NULL;
CREATE INDEX IF NOT EXISTS lane_held ON ${schema}.lane (worker) WHERE worker IS NOT NULL;
CREATE INDEX IF NOT EXISTS lane_suspect ON ${schema}.lane (lane) WHERE deaths >= 2;

-- Events whose first run is pending.
CREATE TABLE IF NOT EXISTS ${schema}.event (
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
CREATE TABLE IF NOT EXISTS ${schema}.retry (
  id      bigint PRIMARY KEY DEFAULT floor(random() * 2 ^ 53), -- random, like that of a worker
  handler text,
  due     timestamptz NOT NULL,
  worker  bigint,
  deaths  smallint NOT NULL DEFAULT 0,
  done    text[],                      -- of an event without a handler, which no process could read: as in the table event
  body    bytea NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
CREATE INDEX IF NOT EXISTS retry_due ON ${schema}.retry (due) WHERE worker IS NULL;
CREATE INDEX IF NOT EXISTS retry_held ON ${schema}.retry (worker) WHERE worker IS NOT NULL;

CREATE TABLE IF NOT EXISTS ${schema}.dead_letter (
  id   text PRIMARY KEY,
  seq  bigint GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL,
  handler text, event_id text NOT NULL, bot text NOT NULL, conversation_id text,
  attempts int, error text,
  dead_lettered_at timestamptz NOT NULL,
  body bytea NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS dead_letter_order ON ${schema}.dead_letter (seq);
-- A hash index, because a B-tree rejects long ids.
CREATE INDEX IF NOT EXISTS dead_letter_conversation ON ${schema}.dead_letter USING hash (conversation_id);

-- Hashes of accepted ids (the option \`dedupe\`).
CREATE TABLE IF NOT EXISTS ${schema}.accepted (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL              -- has no index: removing old ids reads the whole table, seldom
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- Processes that handle events.
CREATE TABLE IF NOT EXISTS ${schema}.worker (
  id   bigint PRIMARY KEY DEFAULT floor(random() * 2 ^ 53), -- random: tables that are created again must not repeat it
  beat timestamptz NOT NULL DEFAULT clock_timestamp(),
  session boolean NOT NULL,            -- true if its session holds an advisory lock
  lease_ms int NOT NULL,               -- time without a heartbeat after which others take over its events
  ended boolean NOT NULL DEFAULT false -- true if it claims no more events; its row is removed soon
) WITH (fillfactor = 50);

-- Repairs what refers to a table that was dropped alone: it is empty now. Otherwise these statements change nothing.
INSERT INTO ${schema}.lane (lane, head, tail)
  SELECT lane, min(n), max(n) + 1 FROM ${schema}.event WHERE NOT EXISTS (SELECT FROM ${schema}.lane) GROUP BY lane;
DELETE FROM ${schema}.lane WHERE NOT EXISTS (SELECT FROM ${schema}.event);
UPDATE ${schema}.lane SET worker = NULL WHERE worker IS NOT NULL AND NOT EXISTS (SELECT FROM ${schema}.worker);
UPDATE ${schema}.retry SET worker = NULL WHERE worker IS NOT NULL AND NOT EXISTS (SELECT FROM ${schema}.worker);

-- Views for operators.
CREATE OR REPLACE VIEW ${schema}.waiting_retries AS
  SELECT id, handler, due, worker IS NOT NULL AS is_running, convert_from(body, 'UTF8') AS task FROM ${schema}.retry;
CREATE OR REPLACE VIEW ${schema}.dead_letters AS
  SELECT id, kind, handler, event_id, bot, conversation_id, attempts, error, dead_lettered_at,
         convert_from(body, 'UTF8') AS letter FROM ${schema}.dead_letter;

INSERT INTO ${schema}.version (version) VALUES (${SCHEMA_VERSION}) ON CONFLICT DO NOTHING;
`;
}
