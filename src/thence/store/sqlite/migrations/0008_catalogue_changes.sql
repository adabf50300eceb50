-- Schema 8: what each of the last revisions of the catalogue touched, so that a node that knows an earlier
-- one reads only that again.

CREATE TABLE catalogue_change (
  revision INTEGER NOT NULL,
  family INTEGER NOT NULL,  -- a family that was touched; 0: an entry was, by itself
  kind TEXT NOT NULL,       -- key of the entry
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (revision, family, kind, owner, name)
) WITHOUT ROWID;
