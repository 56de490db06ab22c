-- The part of the schema every service has: one log, its streams, inbox, requests, settings.
-- Plain SQL that SQLite and PostgreSQL both take.

CREATE TABLE log_head (
  id BIGINT PRIMARY KEY,
  position BIGINT NOT NULL,
  hash BYTEA NOT NULL
);
INSERT INTO log_head (id, position, hash) VALUES (1, 0, '');

CREATE TABLE event (
  position BIGINT PRIMARY KEY,
  case_id TEXT NOT NULL,
  hash BYTEA NOT NULL,
  body BYTEA NOT NULL
);

CREATE TABLE stream_head (
  stream TEXT PRIMARY KEY,
  seq BIGINT NOT NULL,
  published_seq BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE stream_entry (
  stream TEXT NOT NULL,
  seq BIGINT NOT NULL,
  position BIGINT NOT NULL,
  PRIMARY KEY (stream, seq)
);

CREATE TABLE inbox (
  stream TEXT PRIMARY KEY,
  watermark BIGINT NOT NULL
);

CREATE TABLE inbox_above (
  stream TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (stream, seq)
);

-- Last version seen of each aggregate of another service, as "<id>/<kind>": ids grow with time, so
-- what is seen together lies together.
CREATE TABLE seen_version (
  aggregate TEXT NOT NULL,
  source TEXT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (aggregate, source)
);

CREATE TABLE parked (
  stream TEXT NOT NULL,
  seq BIGINT NOT NULL,
  source TEXT NOT NULL,
  aggregate TEXT NOT NULL,
  wait_version BIGINT NOT NULL,
  envelope BYTEA NOT NULL,
  PRIMARY KEY (stream, seq)
);
CREATE INDEX parked_by_aggregate ON parked (source, aggregate, wait_version);

CREATE TABLE dead_letter (
  stream TEXT NOT NULL,
  seq BIGINT NOT NULL,
  event_type TEXT NOT NULL,
  case_id TEXT NOT NULL,
  cause TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  since BIGINT NOT NULL,
  envelope BYTEA NOT NULL,
  PRIMARY KEY (stream, seq)
);

CREATE TABLE request (
  principal TEXT NOT NULL,
  method TEXT NOT NULL,
  request_id TEXT NOT NULL,
  payload_digest TEXT NOT NULL,
  response BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (request_id, principal, method)
);
CREATE INDEX request_by_age ON request (created_at);

-- What one replica at a time does, such as publishing; times are of the system clock.
CREATE TABLE lease (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  until BIGINT NOT NULL
);

CREATE TABLE setting (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- Which units may see which case.
CREATE TABLE case_scope (
  case_id TEXT NOT NULL,
  unit_id TEXT NOT NULL,
  PRIMARY KEY (case_id, unit_id)
);
CREATE INDEX case_scope_by_unit ON case_scope (unit_id, case_id);

-- Reference data: owned by routing (units) and intake (items), mirrored by the others.
CREATE TABLE unit (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  tier BIGINT NOT NULL,
  name TEXT NOT NULL
);

CREATE TABLE item (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  code TEXT NOT NULL,
  name TEXT NOT NULL
);

CREATE TABLE item_head (
  code TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  name TEXT NOT NULL
);

CREATE TABLE number_block (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL
);
