-- name: accept
-- The payload is written once and never moved.
INSERT INTO invocation (id, tail, function_id, accepted_at, due_at, expires_at, payload_bytes,
  payload_ref, payload_digest, meta, payload) VALUES (?,?,?,?,?,?,?,?,?,?,?)

-- name: accept_plain
-- The same with the payload in the row.
INSERT INTO invocation (id, tail, function_id, accepted_at, due_at, expires_at, payload_bytes,
  payload_digest, meta, payload) VALUES (?,?,?,?,?,?,?,?,?,?)

-- name: accept_waiting
-- An accepted invocation waits for its first start.
INSERT INTO waiting (id, function_id, state, due_at, expires_at) VALUES (?,?,0,?,?)

-- name: accept_running
-- An accepted invocation whose function has a free slot: attempt 1 runs at once.
INSERT INTO running (id, function_id, due_at, expires_at, claimed_at, lease) VALUES (?,?,?,?,?,?)

-- name: idempotency_find
-- The earlier invocation of the same key.
SELECT id, tail, fingerprint FROM idempotency WHERE function_id = ? AND key = ? AND expires_at > ?

-- name: idempotency_keep
-- An expired key may be used again.
INSERT OR REPLACE INTO idempotency (function_id, key, id, tail, expires_at, fingerprint)
VALUES (?,?,?,?,?,?)

-- name: list_keep
-- Zero rows: the caller id is taken in that list.
INSERT INTO listed (id, tail, family, caller_id, qualifier) VALUES (?,?,?,?,?)
ON CONFLICT (family, caller_id) DO NOTHING

-- name: list_find
-- Whose it is.
SELECT id, tail FROM listed WHERE family = ? AND caller_id = ?

-- name: settle_fence
-- Fewer rows than ids: another attempt owns one of them now.
DELETE FROM running WHERE attempt = ? AND lease = ? AND id IN (:ids)

-- name: settle_fence_unstopped
-- The same for endings that one which is stopping cannot come to.
DELETE FROM running WHERE attempt = ? AND lease = ? AND state = 2 AND id IN (:ids)

-- name: running_rows
-- What runs, of these.
SELECT id, attempt, lease, state, due_at, expires_at, retries_used, platform_tries, platform_since,
  losses_used, interrupted FROM running WHERE id IN (:ids)

-- name: running_leave
-- They wait again; the fence was checked on the rows read in this transaction.
DELETE FROM running WHERE id IN (:ids)

-- name: end_success
-- The common ending: it succeeded, nothing was spent, the result is in the row.
INSERT INTO ended (id, function_id, ended_at, attempt, started_at, duration_us, result_bytes,
  result_digest, log, result, state, reason, outcome) VALUES (?,?,?,?,?,?,?,?,?,?,4,0,0)

-- name: end
-- Any ending.
INSERT INTO ended (id, function_id, state, reason, ended_at, attempt, outcome, started_at,
  duration_us, result_bytes, retries_used, platform_tries, platform_since, losses_used, budget,
  error_type, result_ref, result_digest, error_message, error_stack, log, result)
VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)

-- name: dead_letter
-- Failed, expired or invalid.
INSERT INTO dead (id) VALUES (?)

-- name: blob_use
-- A body in the blob store is kept while any row uses it.
INSERT OR IGNORE INTO blob_use (ref, id) VALUES (?, ?)

-- name: attempt_keep
-- An attempt that was not the last.
INSERT INTO attempt (id, attempt, outcome, budget, started_at, ended_at, duration_us, retry_at,
  error_type, error_message, error_stack, log) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)

-- name: wait_again
-- It waits for its next attempt, or for its first start again.
INSERT INTO waiting (id, function_id, state, due_at, expires_at, attempt, retries_used,
  platform_tries, platform_since, losses_used, interrupted) VALUES (?,?,?,?,?,?,?,?,?,?,?)

-- name: waiting_rows
-- What waits, of these.
SELECT id, attempt, retries_used, platform_tries, platform_since, losses_used
FROM waiting WHERE id IN (:ids)

-- name: waiting_leave
-- They end or run.
DELETE FROM waiting WHERE id IN (:ids)

-- name: stop_mark
-- Zero rows: that attempt does not run any more, or a stop was asked before.
UPDATE running SET state = 3, aborted = ? WHERE id = ? AND attempt = ? AND state = 2

-- name: stop_asked
-- Whether that attempt is being stopped already.
SELECT 1 FROM running WHERE id = ? AND attempt = ? AND state = 3

-- name: claim_due
-- Oldest due first, then the one that expires first; the index alone skips the expired.
SELECT w.id, i.tail, w.attempt + 1, w.retries_used, w.platform_tries, w.platform_since,
  w.losses_used, w.interrupted, i.accepted_at, w.due_at, w.expires_at, i.payload_bytes, i.payload_ref,
  i.payload_digest, i.meta, i.payload
FROM (SELECT * FROM waiting INDEXED BY waiting_due
      WHERE function_id = ? AND due_at <= ? AND expires_at > ? AND losses_used = 0
      ORDER BY due_at, expires_at, id LIMIT ?) w
CROSS JOIN invocation i ON i.id = w.id
ORDER BY w.due_at, w.expires_at, w.id

-- name: claim_suspect
-- The same of those that were lost before, from their own index.
SELECT w.id, i.tail, w.attempt + 1, w.retries_used, w.platform_tries, w.platform_since,
  w.losses_used, w.interrupted, i.accepted_at, w.due_at, w.expires_at, i.payload_bytes, i.payload_ref,
  i.payload_digest, i.meta, i.payload
FROM (SELECT * FROM waiting INDEXED BY waiting_suspect
      WHERE function_id = ? AND due_at <= ? AND expires_at > ? AND losses_used > 0
      ORDER BY due_at, id LIMIT ?) w
CROSS JOIN invocation i ON i.id = w.id
ORDER BY w.due_at, w.id

-- name: claim_run
-- The claimed ones run under the lease; they leave `waiting` in the same transaction.
INSERT INTO running (id, function_id, due_at, expires_at, attempt, retries_used, platform_tries,
  platform_since, losses_used, interrupted, claimed_at, lease)
SELECT id, function_id, due_at, expires_at, attempt + 1, retries_used, platform_tries,
  platform_since, losses_used, interrupted, ?, ? FROM waiting WHERE id IN (:ids)

-- name: count
-- Add what this commit changed to the counters of its functions.
INSERT INTO counter (function_id, accepted, succeeded, failed, stopped, expired, invalid,
  deliveries_pending, deliveries_delivered, deliveries_dead, deliveries_stopped)
VALUES (?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (function_id) DO UPDATE SET
  accepted = accepted + excluded.accepted,
  succeeded = succeeded + excluded.succeeded,
  failed = failed + excluded.failed,
  stopped = stopped + excluded.stopped,
  expired = expired + excluded.expired,
  invalid = invalid + excluded.invalid,
  deliveries_pending = deliveries_pending + excluded.deliveries_pending,
  deliveries_delivered = deliveries_delivered + excluded.deliveries_delivered,
  deliveries_dead = deliveries_dead + excluded.deliveries_dead,
  deliveries_stopped = deliveries_stopped + excluded.deliveries_stopped

-- name: journal_keep
-- The transitions of one commit.
INSERT INTO journal (at, transitions) VALUES (?, ?)

-- name: owe
-- A delivery owed from this ending on.
INSERT INTO delivery (id, tail, invocation_id, function_id, key, due_at, created_at, condition,
  destination) VALUES (?,?,?,?,?,?,?,?,?)

-- name: owe_placed
-- A delivery within this store, made in the commit that owes it: delivered at its first attempt.
INSERT INTO delivery (id, tail, invocation_id, function_id, key, due_at, created_at, condition,
  destination, ended_at, since, state, attempts_made) VALUES (?,?,?,?,?,?,?,?,?,?,?,1,1)

-- name: attempt_placed
-- Its only attempt: part of the commit, so it took no time of its own.
INSERT INTO delivery_attempt (delivery_id, attempt, started_at, duration_us, status, error)
VALUES (?,1,?,0,200,'')

-- name: delivery_pending
-- The pending deliveries that results are about.
SELECT d.id, d.function_id, i.id, i.tail FROM delivery d JOIN invocation i ON i.id = d.invocation_id
WHERE d.state = 0 AND d.id IN (:ids)

-- name: delivery_result
-- What became of it after this attempt.
UPDATE delivery SET state = ?, due_at = ?, ended_at = ?, reason = ?, lease = NULL,
  attempts_made = max(attempts_made, ?) WHERE id = ?

-- name: delivery_attempt_keep
-- One attempt at a delivery.
INSERT INTO delivery_attempt (delivery_id, attempt, started_at, duration_us, status, error)
VALUES (?,?,?,?,?,?)

-- name: delivery_next
-- One look into the index.
SELECT min(due_at) FROM delivery WHERE state = 0 AND key = ?

-- name: delivery_due
-- Pending deliveries of one key, oldest due first.
SELECT d.id, d.tail, d.key, i.id, i.tail, d.function_id, d.destination, d.condition, d.state,
  d.reason, d.created_at, d.due_at, d.ended_at, d.attempts_made, coalesce(d.since, ?)
FROM delivery d CROSS JOIN invocation i ON i.id = d.invocation_id
WHERE d.state = 0 AND d.key = ? AND d.due_at <= ? ORDER BY d.due_at, d.id LIMIT ?

-- name: delivery_take
-- Nobody else takes them before this.
UPDATE delivery SET due_at = ?, lease = ?, since = coalesce(since, ?) WHERE id IN (:ids)

-- name: mailbox_once
-- Zero rows: this delivery was put before.
INSERT OR IGNORE INTO mailbox_once (once, at) VALUES (?, ?)

-- name: mailbox_replace
-- An object of the same key gives way to the new one.
DELETE FROM mailbox WHERE kind = 'bucket' AND name = ? AND key = ?

-- name: mailbox_put
-- One message.
INSERT INTO mailbox (kind, name, key, bytes, created_at, expires_at, content_type, headers, body,
  digest) VALUES (?,?,?,?,?,?,?,?,?,?)
