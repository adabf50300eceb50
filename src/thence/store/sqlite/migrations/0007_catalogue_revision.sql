-- Schema 7: the revision of the catalogue, one row. Every change of functions or entries counts it up,
-- in its own transaction: who decided by an earlier one is refused.

CREATE TABLE catalogue (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL
);
INSERT INTO catalogue (id, revision) VALUES (1, 1);
