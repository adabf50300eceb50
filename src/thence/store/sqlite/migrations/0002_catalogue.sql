-- Schema 2: published versions, what the catalogue keeps beside functions, lists of invocations
-- that callers named, counts by the minute.

-- A row is the `latest` of its name (family_id 0) or one of its published versions.
ALTER TABLE function ADD COLUMN version TEXT NOT NULL DEFAULT 'latest';
ALTER TABLE function ADD COLUMN family_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE function ADD COLUMN note TEXT NOT NULL DEFAULT '';
DROP INDEX function_name;
CREATE UNIQUE INDEX function_name ON function (name, version) WHERE deleted_at IS NULL;
CREATE INDEX function_family ON function (family_id) WHERE family_id <> 0;

CREATE TABLE entry (
  kind TEXT NOT NULL,
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (kind, owner, name)
) WITHOUT ROWID;

-- The lists of functions: only invocations that were accepted into one have a row, so the others
-- cost nothing. The index by family is one by (family, id), as every index ends in the row's key.
CREATE TABLE listed (
  id INTEGER PRIMARY KEY,
  tail INTEGER NOT NULL,
  family INTEGER NOT NULL,
  caller_id TEXT NOT NULL,
  qualifier TEXT NOT NULL
);
CREATE INDEX listed_family ON listed (family);
CREATE UNIQUE INDEX listed_caller ON listed (family, caller_id);

CREATE TABLE minute (
  function TEXT NOT NULL,
  minute INTEGER NOT NULL,
  metric TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (function, minute, metric)
) WITHOUT ROWID;
CREATE INDEX minute_at ON minute (minute);
