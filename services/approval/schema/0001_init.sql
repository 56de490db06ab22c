-- Approval: processes, licences, and what is read beside them.

CREATE TABLE process (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  state BIGINT NOT NULL,
  item_code TEXT NOT NULL,
  unit TEXT NOT NULL
);
CREATE INDEX process_due ON process (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE licence (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  case_id TEXT NOT NULL
);
CREATE INDEX licence_by_case ON licence (case_id);

-- What intake handed over, until and after the offer to open the process arrives.
CREATE TABLE handover (
  case_id TEXT PRIMARY KEY,
  facts BYTEA NOT NULL,
  version BIGINT NOT NULL
);

-- One row for each step somebody may work on now; key "<case_id>/<step_id>".
CREATE TABLE work (
  step TEXT PRIMARY KEY,
  case_id TEXT NOT NULL,
  unit_id TEXT NOT NULL,
  state BIGINT NOT NULL,
  since BIGINT NOT NULL
);
CREATE INDEX work_by_unit ON work (unit_id, step);

-- Offers of steps signed here, so that one sent again has no second effect.
CREATE TABLE signed_offer (
  offer_id TEXT PRIMARY KEY,
  case_id TEXT NOT NULL
);

-- Offers turned down. Aggregates of their own: they may come when the process is over and the state
-- of the case is somebody else's.
CREATE TABLE declined_offer (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  case_id TEXT NOT NULL
);
