-- name: mark
-- What the last process knew of the clock.
SELECT value FROM meta WHERE key = 'clock'

-- name: mark_keep
-- One row.
INSERT OR REPLACE INTO meta (key, value) VALUES ('clock', ?)

-- name: waiting
-- Event age and the budget of platform errors end later.
UPDATE waiting SET expires_at = expires_at + :ms, platform_since = platform_since + :ms

-- name: running
-- The same.
UPDATE running SET expires_at = expires_at + :ms, platform_since = platform_since + :ms

-- name: deliveries
-- The budget of those that are owed runs from their first attempt.
UPDATE delivery SET since = since + :ms WHERE state = 0 AND since IS NOT NULL

-- name: keys
-- A key means the same call for as long as was promised.
UPDATE idempotency SET expires_at = expires_at + :ms

-- name: messages
-- Messages and objects of the mailbox.
UPDATE mailbox SET expires_at = expires_at + :ms WHERE expires_at IS NOT NULL
