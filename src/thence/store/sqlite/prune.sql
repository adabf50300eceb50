-- name: keys
-- Idempotency keys that may be used again.
DELETE FROM idempotency WHERE (function_id, key) IN (
  SELECT function_id, key FROM idempotency WHERE expires_at <= ? LIMIT ?)

-- name: messages
-- Mailbox messages past their age.
DELETE FROM mailbox WHERE seq IN (SELECT seq FROM mailbox WHERE expires_at <= ? LIMIT ?)

-- name: puts
-- Marks of puts that nobody will repeat: the delivery is history too.
DELETE FROM mailbox_once WHERE once IN (SELECT once FROM mailbox_once WHERE at < ? LIMIT ?)

-- name: nodes
-- Incarnations that are gone and hold nothing.
DELETE FROM node WHERE incarnation IN (
  SELECT incarnation FROM node
  WHERE gone = 1 AND incarnation NOT IN (SELECT lease FROM running) LIMIT ?)

-- name: journal
-- The oldest entries stand first. The newest stays: it says how far the numbers have come.
DELETE FROM journal WHERE at < ? AND seq IN (SELECT seq FROM journal ORDER BY seq LIMIT ?)
  AND seq < (SELECT max(seq) FROM journal)

-- name: minutes
-- Whole minutes, oldest first.
DELETE FROM minute WHERE (function, minute, metric) IN (
  SELECT function, minute, metric FROM minute WHERE minute < ? ORDER BY minute LIMIT ?)

-- name: find_history
-- What ended before: nothing accepted later can have. Those that owe a delivery stay.
SELECT e.id FROM ended e WHERE e.id < ? AND e.ended_at < ?
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.invocation_id = e.id AND d.state = 0)
ORDER BY e.id LIMIT ?

-- name: scan_payloads
-- Payloads that are still here, and whether each may go.
SELECT i.id, e.ended_at < ?3 AND NOT EXISTS (
    SELECT 1 FROM delivery d WHERE d.invocation_id = i.id AND d.state = 0)
FROM invocation i LEFT JOIN ended e ON e.id = i.id
WHERE i.id >= ?1 AND i.id < ?2 AND (i.payload_ref IS NOT NULL OR i.payload IS NOT NULL)
ORDER BY i.id LIMIT ?4

-- name: scan_results
-- Results and captured output that are still here, and whether each may go.
SELECT e.id, e.ended_at < ?3 AND NOT EXISTS (
    SELECT 1 FROM delivery d WHERE d.invocation_id = e.id AND d.state = 0)
FROM ended e
WHERE e.id >= ?1 AND e.id < ?2 AND (e.result_ref IS NOT NULL OR e.result IS NOT NULL
  OR e.log IS NOT NULL OR EXISTS (SELECT 1 FROM attempt a WHERE a.id = e.id AND a.log IS NOT NULL))
ORDER BY e.id LIMIT ?4

-- name: still_free
-- Of these, the final ones that owe nothing, now.
SELECT e.id FROM ended e WHERE e.id IN (:ids)
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.invocation_id = e.id AND d.state = 0)

-- name: payload_refs
-- What the blob store holds for these.
SELECT payload_ref, id FROM invocation WHERE payload_ref IS NOT NULL AND id IN (:ids)

-- name: result_refs
-- What the blob store holds for these.
SELECT result_ref, id FROM ended WHERE result_ref IS NOT NULL AND id IN (:ids)

-- name: payload_clear
-- The size stays.
UPDATE invocation SET payload = NULL, payload_ref = NULL, payload_digest = NULL WHERE id IN (:ids)

-- name: result_clear
-- The size stays.
UPDATE ended SET result = NULL, result_ref = NULL, result_digest = NULL, log = NULL
WHERE id IN (:ids)

-- name: attempt_logs_clear
-- What earlier attempts printed.
UPDATE attempt SET log = NULL WHERE id IN (:ids) AND log IS NOT NULL

-- name: blob_release
-- That invocation does not use it any more, unless its other body is the same blob.
DELETE FROM blob_use WHERE ref = ?1 AND id = ?2
  AND NOT EXISTS (SELECT 1 FROM invocation WHERE id = ?2 AND payload_ref = ?1)
  AND NOT EXISTS (SELECT 1 FROM ended WHERE id = ?2 AND result_ref = ?1)

-- name: blob_used
-- Whether anything uses it still.
SELECT 1 FROM blob_use WHERE ref = ? LIMIT 1

-- name: ended_states
-- What is about to go, for the counters.
SELECT function_id, state, count(*) FROM ended WHERE id IN (:ids) GROUP BY function_id, state

-- name: delivery_states
-- The same for deliveries.
SELECT function_id, state, count(*) FROM delivery WHERE invocation_id IN (:ids)
GROUP BY function_id, state

-- name: count_pruned
-- {column} is one of the counters of what was pruned.
UPDATE counter SET {column} = {column} + ? WHERE function_id = ?

-- name: drop_delivery_attempts
-- With their deliveries.
DELETE FROM delivery_attempt WHERE delivery_id IN (
  SELECT id FROM delivery WHERE invocation_id IN (:ids))

-- name: drop_deliveries
-- With their invocations.
DELETE FROM delivery WHERE invocation_id IN (:ids)

-- name: drop_attempts
-- With their invocations.
DELETE FROM attempt WHERE id IN (:ids)

-- name: drop_dead
-- With their invocations.
DELETE FROM dead WHERE id IN (:ids)

-- name: drop_listed
-- With their invocations; their caller ids may be used again.
DELETE FROM listed WHERE id IN (:ids)

-- name: drop_ended
-- The history itself.
DELETE FROM ended WHERE id IN (:ids)

-- name: drop_invocations
-- The history itself.
DELETE FROM invocation WHERE id IN (:ids)
