-- name: integrity
-- SQLite's own check.
PRAGMA integrity_check(20)

-- name: tables
-- All that have rows.
SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name

-- name: totals
-- Rows as they stand.
SELECT (SELECT count(*) FROM invocation), (SELECT count(*) FROM waiting),
  (SELECT count(*) FROM running)

-- name: counters
-- The counters of all functions, by name of the column.
SELECT * FROM counter ORDER BY function_id

-- name: ended_states
-- How many of each final state.
SELECT function_id, state, count(*) FROM ended GROUP BY function_id, state

-- name: live_rows
-- Waiting and running by function.
SELECT function_id, count(*) FROM (
  SELECT function_id FROM waiting UNION ALL SELECT function_id FROM running) GROUP BY function_id

-- name: delivery_states
-- How many deliveries of each state.
SELECT function_id, state, count(*) FROM delivery GROUP BY function_id, state

-- name: not_exactly_one
-- Each invocation is in exactly one of waiting, running and ended.
SELECT i.id, (w.id IS NOT NULL) + (r.id IS NOT NULL) + (e.id IS NOT NULL) AS places
FROM invocation i LEFT JOIN waiting w ON w.id = i.id LEFT JOIN running r ON r.id = i.id
LEFT JOIN ended e ON e.id = i.id WHERE places <> 1 LIMIT 20

-- name: without_invocation
-- Rows that belong to no invocation.
SELECT 'waiting', id FROM waiting WHERE id NOT IN (SELECT id FROM invocation)
UNION ALL SELECT 'running', id FROM running WHERE id NOT IN (SELECT id FROM invocation)
UNION ALL SELECT 'ended', id FROM ended WHERE id NOT IN (SELECT id FROM invocation)
UNION ALL SELECT 'attempt', id FROM attempt WHERE id NOT IN (SELECT id FROM invocation)
UNION ALL SELECT 'delivery', id FROM delivery WHERE invocation_id NOT IN (SELECT id FROM invocation)
UNION ALL SELECT 'listed', id FROM listed WHERE id NOT IN (SELECT id FROM invocation)
LIMIT 20

-- name: wrong_states
-- A row in a table where its state has no place.
SELECT 'ended', id, state FROM ended WHERE state NOT IN (4, 5, 6, 7, 8)
UNION ALL SELECT 'waiting', id, state FROM waiting WHERE state NOT IN (0, 1)
UNION ALL SELECT 'running', id, state FROM running WHERE state NOT IN (2, 3)
UNION ALL SELECT 'delivery', id, state FROM delivery WHERE state NOT IN (0, 1, 2, 3) LIMIT 20

-- name: missing_attempts
-- Every attempt but the last of an ended or running one has its row.
SELECT l.id, l.before, count(a.attempt) AS kept, coalesce(max(a.attempt), 0) AS highest
FROM (SELECT id, attempt - (outcome IS NOT NULL) AS before FROM ended WHERE attempt > 1 OR outcome IS NULL
      UNION ALL SELECT id, attempt - 1 FROM running WHERE attempt > 1
      UNION ALL SELECT id, attempt FROM waiting WHERE attempt > 0) l
LEFT JOIN attempt a ON a.id = l.id
GROUP BY l.id HAVING kept <> l.before OR highest <> l.before LIMIT 20

-- name: too_many_attempts
-- attempts <= retries + 1 + losses + errors of the platform + those that a shutdown of ours cut off
-- (outcome 10) + those lost beside a suspect (outcome 7, nothing spent); what waits has its next one to come.
SELECT l.id, l.attempt, l.allowed + (SELECT count(*) FROM attempt a WHERE a.id = l.id AND (a.budget = 1 OR a.outcome = 10 OR a.outcome = 7 AND a.budget IS NULL))
    AS allowed
FROM (SELECT id, attempt, retries_used + losses_used + 1 AS allowed FROM ended WHERE attempt > 1
      UNION ALL SELECT id, attempt, retries_used + losses_used + 1 FROM running WHERE attempt > 1
      UNION ALL SELECT id, attempt, retries_used + losses_used FROM waiting WHERE attempt > 0) l
WHERE l.attempt > l.allowed
  + (SELECT count(*) FROM attempt a WHERE a.id = l.id AND (a.budget = 1 OR a.outcome = 10 OR a.outcome = 7 AND a.budget IS NULL)) LIMIT 20

-- name: strange_leases
-- Running under a lease that no incarnation ever had, or that was forgotten too early.
SELECT id, lease FROM running WHERE lease NOT IN (SELECT incarnation FROM node) LIMIT 20

-- name: orphaned
-- Held by incarnations that are gone: waits for the next rescue.
SELECT count(*) FROM running WHERE lease IN (SELECT incarnation FROM node WHERE gone = 1)

-- name: not_dead_letters
-- The list of dead letters is exactly the ended that are dead.
SELECT id FROM ended WHERE (state IN (5, 7, 8) OR reason = 10) AND id NOT IN (SELECT id FROM dead)
UNION ALL SELECT id FROM dead
  WHERE id NOT IN (SELECT id FROM ended WHERE state IN (5, 7, 8) OR reason = 10)
LIMIT 20

-- name: journal
-- Every entry, in order.
SELECT seq, transitions FROM journal ORDER BY seq

-- name: early_deliveries
-- Nothing is owed before the end.
SELECT d.id FROM delivery d WHERE d.invocation_id NOT IN (SELECT id FROM ended)
  AND d.invocation_id IN (SELECT id FROM invocation) LIMIT 20

-- name: unended_deliveries
-- A delivery has an end exactly when it is not pending.
SELECT id FROM delivery WHERE (state = 0) <> (ended_at IS NULL) LIMIT 20
