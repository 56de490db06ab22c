-- Gridtask's own tables. Plain SQL that SQLite and PostgreSQL both take.

CREATE TABLE grid_event (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  state BIGINT NOT NULL,
  worker_id TEXT NOT NULL,
  case_no TEXT NOT NULL
);
CREATE INDEX grid_event_due ON grid_event (due_at) WHERE due_at IS NOT NULL;
-- A worker's load is counted by it when events are dispatched.
CREATE INDEX grid_event_by_worker ON grid_event (worker_id, state);
CREATE INDEX grid_event_by_state ON grid_event (state, id);
CREATE INDEX grid_event_by_number ON grid_event (case_no);

CREATE TABLE field_task (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  case_id TEXT NOT NULL,
  unit_id TEXT NOT NULL,
  state BIGINT NOT NULL
);
CREATE INDEX field_task_due ON field_task (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX field_task_by_case ON field_task (case_id);
CREATE INDEX field_task_by_unit ON field_task (unit_id);

CREATE TABLE worker (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  unit_id TEXT NOT NULL,
  grid_id TEXT NOT NULL
);
CREATE INDEX worker_by_unit ON worker (unit_id);
CREATE INDEX worker_by_grid ON worker (grid_id);

-- Field requests as approval's events tell them, until the offer brings them here.
CREATE TABLE field_fact (
  task_id TEXT PRIMARY KEY,
  case_no TEXT NOT NULL,
  field BYTEA NOT NULL,
  version BIGINT NOT NULL
);
