-- Intake: cases as intake decides them, as the counter sees them, and what applicants stated.

CREATE TABLE case_record (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  case_no TEXT NOT NULL
);
CREATE INDEX case_record_due ON case_record (due_at) WHERE due_at IS NOT NULL;

-- The envelope with its owner's state mirrored: what reads see. Rebuilt from events at any time.
CREATE TABLE case_view (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  case_no TEXT NOT NULL,
  state BIGINT NOT NULL,
  kind BIGINT NOT NULL,
  item_code TEXT NOT NULL,
  receiver_unit TEXT NOT NULL
);
CREATE UNIQUE INDEX case_view_no ON case_view (case_no);
CREATE INDEX case_view_due ON case_view (due_at) WHERE due_at IS NOT NULL;

-- Personal data: read only with a case in scope.
CREATE TABLE application (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL
);

CREATE TABLE material (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  unit_id TEXT NOT NULL
);

-- Bytes of materials, each content once.
CREATE TABLE blob (
  digest TEXT PRIMARY KEY,
  bytes BYTEA NOT NULL
);

-- Digests of the codes on receipts.
CREATE TABLE query_code (
  digest TEXT PRIMARY KEY,
  case_id TEXT NOT NULL
);
