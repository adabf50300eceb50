-- Schema 1. Small integers for states, reasons, outcomes and budgets are explained in codes.py.
-- Ids are 128 bits: `id` is the top 64 (always positive and growing), `tail` the low 62; the two
-- bits between them are always binary 10. Instants are ms since the epoch.
-- Big columns stand last, so that reading the others never walks their pages.

CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE node (
  incarnation INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  gone INTEGER NOT NULL DEFAULT 0          -- 1: it left or was declared dead
);

CREATE TABLE function (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  revision INTEGER NOT NULL,
  code_digest TEXT NOT NULL,
  code_bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,
  spec BLOB NOT NULL
);
CREATE UNIQUE INDEX function_name ON function (name) WHERE deleted_at IS NULL;

-- Counters since the store was made. `pruned_*` are those whose history was deleted since, so that
-- accepted = waiting + running + ended + pruned stays exact.
CREATE TABLE counter (
  function_id INTEGER PRIMARY KEY,
  accepted INTEGER NOT NULL DEFAULT 0,
  succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  stopped INTEGER NOT NULL DEFAULT 0,
  expired INTEGER NOT NULL DEFAULT 0,
  invalid INTEGER NOT NULL DEFAULT 0,
  deliveries_pending INTEGER NOT NULL DEFAULT 0,
  deliveries_delivered INTEGER NOT NULL DEFAULT 0,
  deliveries_dead INTEGER NOT NULL DEFAULT 0,
  deliveries_stopped INTEGER NOT NULL DEFAULT 0,
  pruned_succeeded INTEGER NOT NULL DEFAULT 0,
  pruned_failed INTEGER NOT NULL DEFAULT 0,
  pruned_stopped INTEGER NOT NULL DEFAULT 0,
  pruned_expired INTEGER NOT NULL DEFAULT 0,
  pruned_invalid INTEGER NOT NULL DEFAULT 0,
  pruned_delivered INTEGER NOT NULL DEFAULT 0,
  pruned_dead INTEGER NOT NULL DEFAULT 0,
  pruned_delivery_stopped INTEGER NOT NULL DEFAULT 0
);

-- Written once at accept; only retention touches it again (payload and payload_ref become NULL).
CREATE TABLE invocation (
  id INTEGER PRIMARY KEY,
  tail INTEGER NOT NULL,
  function_id INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  payload_bytes INTEGER NOT NULL,
  payload_ref TEXT,
  payload_digest TEXT,
  meta BLOB,
  payload BLOB
);

-- The live invocations are in exactly one of two narrow tables. What runs is few, so it is read
-- whole where needed and has no index; what waits may be millions.
CREATE TABLE waiting (
  id INTEGER PRIMARY KEY,
  function_id INTEGER NOT NULL,
  state INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 0,       -- attempts made so far
  retries_used INTEGER NOT NULL DEFAULT 0,
  platform_tries INTEGER NOT NULL DEFAULT 0,
  platform_since INTEGER,
  losses_used INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX waiting_due ON waiting (function_id, due_at, expires_at);
CREATE INDEX waiting_expiry ON waiting (expires_at);

CREATE TABLE running (
  id INTEGER PRIMARY KEY,
  function_id INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 2,
  due_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  claimed_at INTEGER NOT NULL,
  attempt INTEGER NOT NULL DEFAULT 1,       -- the number of the attempt that runs
  lease INTEGER NOT NULL,                   -- the incarnation that holds it
  retries_used INTEGER NOT NULL DEFAULT 0,
  platform_tries INTEGER NOT NULL DEFAULT 0,
  platform_since INTEGER,
  losses_used INTEGER NOT NULL DEFAULT 0
);

-- Appended when an invocation is final, with its last attempt; earlier ones are in `attempt`.
-- `outcome` NULL: it ended while it waited.
CREATE TABLE ended (
  id INTEGER PRIMARY KEY,
  function_id INTEGER NOT NULL,
  state INTEGER NOT NULL,
  reason INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  outcome INTEGER,
  started_at INTEGER,
  duration_us INTEGER NOT NULL DEFAULT 0,
  result_bytes INTEGER,
  retries_used INTEGER NOT NULL DEFAULT 0,
  platform_tries INTEGER NOT NULL DEFAULT 0,
  platform_since INTEGER,
  losses_used INTEGER NOT NULL DEFAULT 0,
  budget INTEGER,
  redriven_as BLOB,
  error_type TEXT,
  result_ref TEXT,
  result_digest TEXT,
  error_message TEXT,
  error_stack TEXT,
  log BLOB,
  result BLOB
);

-- Dead letters and uses of the blob store have small tables of their own: even a partial index on
-- the tables above costs every invocation, also those that it leaves out.
CREATE TABLE dead (id INTEGER PRIMARY KEY);
CREATE TABLE blob_use (ref TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (ref, id)) WITHOUT ROWID;

CREATE TABLE attempt (
  id INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  outcome INTEGER NOT NULL,
  budget INTEGER,
  started_at INTEGER,
  ended_at INTEGER NOT NULL,
  duration_us INTEGER NOT NULL,
  retry_at INTEGER,
  error_type TEXT,
  error_message TEXT,
  error_stack TEXT,
  log BLOB,
  PRIMARY KEY (id, attempt)
) WITHOUT ROWID;

CREATE TABLE idempotency (
  function_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  id INTEGER NOT NULL,
  tail INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  fingerprint BLOB NOT NULL,
  PRIMARY KEY (function_id, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY,
  tail INTEGER NOT NULL,
  invocation_id INTEGER NOT NULL,
  function_id INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  key TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  attempts_made INTEGER NOT NULL DEFAULT 0,
  lease INTEGER,                            -- the incarnation that is sending it now
  since INTEGER,                            -- its first try: from here its time budget runs
  condition TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  destination BLOB NOT NULL
);
CREATE INDEX delivery_due ON delivery (key, due_at, id) WHERE state = 0;
CREATE INDEX delivery_dead ON delivery (id) WHERE state = 2;
CREATE INDEX delivery_lease ON delivery (lease) WHERE lease IS NOT NULL;
CREATE INDEX delivery_invocation ON delivery (invocation_id);

CREATE TABLE delivery_attempt (
  seq INTEGER PRIMARY KEY,
  delivery_id INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  duration_us INTEGER NOT NULL,
  status INTEGER NOT NULL,
  error TEXT NOT NULL
);
CREATE INDEX delivery_attempt_of ON delivery_attempt (delivery_id, seq);

-- One row per commit: msgpack of its transitions.
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  transitions BLOB NOT NULL
);

CREATE TABLE mailbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  key TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  visible_at INTEGER NOT NULL DEFAULT 0,
  receives INTEGER NOT NULL DEFAULT 0,
  receipt TEXT NOT NULL DEFAULT '',
  content_type TEXT NOT NULL,
  headers BLOB NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX mailbox_box ON mailbox (kind, name, seq);
CREATE UNIQUE INDEX mailbox_object ON mailbox (name, key) WHERE kind = 'bucket';
CREATE INDEX mailbox_expiry ON mailbox (expires_at) WHERE expires_at IS NOT NULL;

-- Which deliveries were put already: a message may have been taken or replaced since.
CREATE TABLE mailbox_once (once TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
