CREATE TABLE IF NOT EXISTS bot (
  name text PRIMARY KEY,
  token text NOT NULL UNIQUE,
  secret text NOT NULL UNIQUE
);

CREATE TABLE IF NOT EXISTS conversation (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  bot text NOT NULL,
  xenioo_id text NOT NULL,
  user_name text,
  channel text,
  last_at timestamptz NOT NULL,
  UNIQUE (bot, xenioo_id)
);
CREATE INDEX IF NOT EXISTS conversation_last_at ON conversation (last_at);

-- No unique constraint keeps an event from being here twice: transactional handlers do.
CREATE TABLE IF NOT EXISTS entry (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Null for events without a conversation, such as unmatched messages.
  conversation_id bigint REFERENCES conversation ON DELETE CASCADE,
  type text NOT NULL,
  channel text,
  text text,
  at timestamptz NOT NULL,
  -- 'simple' suits every language. A tsvector holds at most 1 MB.
  search tsvector GENERATED ALWAYS AS
    (to_tsvector('simple', left(coalesce(text, ''), 50000))) STORED
);
CREATE INDEX IF NOT EXISTS entry_conversation ON entry (conversation_id, at, id);
-- All that the statistics read.
CREATE INDEX IF NOT EXISTS entry_at ON entry (at) INCLUDE (type, channel);
CREATE INDEX IF NOT EXISTS entry_unmatched ON entry (at) WHERE type = 'unmatched-message';
CREATE INDEX IF NOT EXISTS entry_search ON entry USING gin (search);
