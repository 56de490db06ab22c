-- Routing: offers and the custody of every case. Units are in the core schema.

CREATE TABLE offer (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  case_id TEXT NOT NULL,
  state BIGINT NOT NULL,
  to_unit TEXT NOT NULL
);
CREATE INDEX offer_by_case ON offer (case_id);
CREATE INDEX offer_due ON offer (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE custody (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  holder_unit TEXT NOT NULL
);

-- Where a case is going: route, open offers, what its owner says of it.
CREATE TABLE itinerary (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL
);
