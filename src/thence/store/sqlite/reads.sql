-- name: invocations
-- Invocations wherever they stand.
SELECT i.id, i.tail, i.function_id, f.name, i.accepted_at, i.due_at, i.expires_at, i.payload_bytes,
  i.meta, coalesce(e.state, r.state, w.state), e.reason, e.ended_at,
  coalesce(e.attempt, r.attempt, w.attempt), coalesce(r.due_at, w.due_at),
  coalesce(e.retries_used, r.retries_used, w.retries_used),
  coalesce(e.platform_tries, r.platform_tries, w.platform_tries),
  coalesce(e.platform_since, r.platform_since, w.platform_since),
  coalesce(e.losses_used, r.losses_used, w.losses_used), e.result_bytes, e.redriven_as,
  r.claimed_at, e.outcome, e.budget, e.started_at, e.duration_us, e.error_type, e.error_message,
  e.error_stack, length(e.log), coalesce(f.version, 'latest')
FROM invocation i
LEFT JOIN function f ON f.id = i.function_id
LEFT JOIN ended e ON e.id = i.id
LEFT JOIN running r ON r.id = i.id
LEFT JOIN waiting w ON w.id = i.id
WHERE i.id IN (:ids)
  AND coalesce(e.state, r.state, w.state) IS NOT NULL  -- lost with a damaged page

-- name: attempts
-- All but the last of an ended one.
SELECT id, attempt, outcome, budget, started_at, ended_at, duration_us, retry_at, error_type,
  error_message, error_stack, length(log)
FROM attempt WHERE id IN (:ids) ORDER BY id, attempt

-- name: payload
-- The payload and, in the meta, its content type.
SELECT payload, payload_bytes, payload_ref, payload_digest, meta FROM invocation
WHERE id = ? AND tail = ?

-- name: result
-- NULL size: it has none.
SELECT e.result, e.result_bytes, e.result_ref, e.result_digest
FROM ended e JOIN invocation i ON i.id = e.id WHERE e.id = ? AND i.tail = ?

-- name: log
-- Of one attempt, or of the last that has ended.
SELECT log FROM (
  SELECT attempt, log FROM ended WHERE id = :id AND outcome IS NOT NULL
  UNION ALL SELECT attempt, log FROM attempt WHERE id = :id)
WHERE :attempt IS NULL OR attempt = :attempt ORDER BY attempt DESC LIMIT 1

-- name: list
-- A bounded number of rows of one source, newest first, filtered; {source} is one of our tables.
SELECT i.id, i.tail, f.name, coalesce(e.state, r.state, w.state) AS state, e.reason, i.accepted_at,
  coalesce(r.due_at, w.due_at, i.due_at), e.ended_at, coalesce(e.attempt, r.attempt, w.attempt),
  e.redriven_as, coalesce(f.version, 'latest')
FROM (SELECT id FROM {source} WHERE id >= :lowest AND id < :below ORDER BY id DESC LIMIT :scan) s
CROSS JOIN invocation i ON i.id = s.id
LEFT JOIN ended e ON e.id = i.id
LEFT JOIN running r ON r.id = i.id
LEFT JOIN waiting w ON w.id = i.id
LEFT JOIN function f ON f.id = i.function_id
WHERE (:function IS NULL OR i.function_id = :function)
  AND (:family IS NULL OR i.function_id = :family
    OR i.function_id IN (SELECT id FROM function WHERE family_id = :family AND family_id <> 0))
  AND coalesce(e.state, r.state, w.state) IS NOT NULL  -- lost with a damaged page
  AND (:states IS NULL OR coalesce(e.state, r.state, w.state) IN (SELECT value FROM json_each(:states)))
  AND (:reason IS NULL OR e.reason = :reason)
  AND (:redriven IS NULL OR (e.redriven_as IS NOT NULL) = :redriven)
ORDER BY s.id DESC LIMIT :limit

-- name: list_scanned
-- How far that looked.
SELECT count(*), min(id) FROM (
  SELECT id FROM {source} WHERE id >= :lowest AND id < :below ORDER BY id DESC LIMIT :scan)

-- name: deliveries
-- A bounded number of rows, newest first, filtered.
SELECT d.id, d.tail, d.key, i.id, i.tail, d.function_id, d.destination, d.condition, d.state,
  d.reason, d.created_at, d.due_at, d.ended_at, d.attempts_made, d.since
FROM (SELECT * FROM delivery WHERE id < :below {dead} ORDER BY id DESC LIMIT :scan) d
CROSS JOIN invocation i ON i.id = d.invocation_id
WHERE (:state IS NULL OR d.state = :state) AND (:function IS NULL OR d.function_id = :function
  OR d.function_id IN (SELECT id FROM function WHERE family_id = :function AND family_id <> 0))
ORDER BY d.id DESC LIMIT :limit

-- name: deliveries_scanned
-- How far that looked.
SELECT count(*), min(id) FROM (
  SELECT id FROM delivery WHERE id < :below {dead} ORDER BY id DESC LIMIT :scan)

-- name: delivery
-- One delivery.
SELECT d.id, d.tail, d.key, i.id, i.tail, d.function_id, d.destination, d.condition, d.state,
  d.reason, d.created_at, d.due_at, d.ended_at, d.attempts_made, d.since
FROM delivery d CROSS JOIN invocation i ON i.id = d.invocation_id WHERE d.id = ? AND d.tail = ?

-- name: deliveries_of
-- All deliveries of some invocations.
SELECT d.id, d.tail, d.key, i.id, i.tail, d.function_id, d.destination, d.condition, d.state,
  d.reason, d.created_at, d.due_at, d.ended_at, d.attempts_made, d.since
FROM delivery d CROSS JOIN invocation i ON i.id = d.invocation_id
WHERE d.invocation_id IN (:ids) ORDER BY d.id

-- name: delivery_attempts
-- In the order they were made; a redrive counts from 1 again.
SELECT delivery_id, attempt, started_at, duration_us, status, error FROM delivery_attempt
WHERE delivery_id IN (:ids) ORDER BY delivery_id, seq

-- name: invocations_of
-- Whose ending owed these deliveries.
SELECT id, tail, invocation_id FROM delivery WHERE id IN (:ids)

-- name: bodies
-- Payloads and results; NULL size of a result: it has none.
SELECT i.id, i.payload, i.payload_bytes, i.payload_ref, i.payload_digest, e.result, e.result_bytes,
  e.result_ref, e.result_digest
FROM invocation i LEFT JOIN ended e ON e.id = i.id WHERE i.id IN (:ids)

-- name: delivery_row
-- For a change of its state.
SELECT d.function_id, d.state, i.id, i.tail FROM delivery d JOIN invocation i
ON i.id = d.invocation_id WHERE d.id = ? AND d.tail = ?

-- name: delivery_redrive
-- Pending again: its attempts are counted from 0, its time budget runs from now.
UPDATE delivery SET state = 0, due_at = ?1, created_at = ?1, ended_at = NULL, reason = '',
  since = NULL, attempts_made = 0
WHERE id = ?2

-- name: deliveries_pending_of
-- What one invocation still owes.
SELECT d.id, d.tail, d.function_id, d.attempts_made FROM delivery d
JOIN invocation i ON i.id = d.invocation_id
WHERE d.invocation_id = ? AND i.tail = ? AND d.state = 0

-- name: delivery_stop
-- Not owed any more.
UPDATE delivery SET state = 3, ended_at = ?, reason = 'stopped_by_caller' WHERE id IN (:ids)

-- name: mark_redriven
-- What the dead letter became.
UPDATE ended SET redriven_as = ? WHERE id = ?

-- name: counters
-- One row for each function that was ever deployed or accepted for.
SELECT f.id, f.name, coalesce(c.accepted, 0), coalesce(c.succeeded, 0), coalesce(c.failed, 0),
  coalesce(c.stopped, 0), coalesce(c.expired, 0), coalesce(c.invalid, 0),
  coalesce(c.deliveries_pending, 0), coalesce(c.deliveries_delivered, 0),
  coalesce(c.deliveries_dead, 0)
FROM (SELECT id, name FROM function UNION ALL
      SELECT function_id, '' FROM counter WHERE function_id NOT IN (SELECT id FROM function)) f
LEFT JOIN counter c ON c.function_id = f.id ORDER BY f.name, f.id

-- name: waiting_counts
-- From the index alone; :now NULL counts none as delayed.
SELECT function_id, count(*), coalesce(sum(due_at > :now), 0),
  min(due_at) FILTER (WHERE :now IS NULL OR due_at <= :now)
FROM waiting INDEXED BY waiting_due GROUP BY function_id

-- name: running_counts
-- What runs is few.
SELECT function_id, count(*) FROM running GROUP BY function_id

-- name: journal
-- Entries after one, in order.
SELECT seq, transitions FROM journal WHERE seq > ? ORDER BY seq LIMIT ?

-- name: journal_bounds
-- Two looks into the key.
SELECT coalesce((SELECT min(seq) FROM journal), 0), coalesce((SELECT max(seq) FROM journal), 0)
