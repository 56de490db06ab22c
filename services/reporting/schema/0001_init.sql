-- Read models of reporting: all of it can be rebuilt from the logs of the other services.
-- Plain SQL that SQLite and PostgreSQL both take.

CREATE TABLE case_figures (
  id TEXT PRIMARY KEY,
  version BIGINT NOT NULL,
  due_at BIGINT,
  body BYTEA NOT NULL,
  receiver_unit TEXT NOT NULL,
  state BIGINT NOT NULL
);
CREATE INDEX case_figures_by_due ON case_figures (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX case_figures_by_receiver ON case_figures (receiver_unit, state);

-- Every event of a case from every service; the event is stored without its two hashes.
CREATE TABLE timeline (
  case_id TEXT NOT NULL,
  source TEXT NOT NULL,
  position BIGINT NOT NULL,
  occurred_at BIGINT NOT NULL,
  stream TEXT NOT NULL,
  event BYTEA NOT NULL,
  PRIMARY KEY (case_id, source, position)
);

-- Sums of each metric by the unit whose counter received the cases; districts are summed on reading.
CREATE TABLE figure (
  unit_id TEXT NOT NULL,
  metric TEXT NOT NULL,
  value BIGINT NOT NULL,
  PRIMARY KEY (unit_id, metric)
);
