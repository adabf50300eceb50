-- name: join
-- A new incarnation; its number is never used twice.
INSERT INTO node (name, started_at, expires_at) VALUES (?, ?, ?)

-- name: renew
-- Zero rows: it was declared dead.
UPDATE node SET expires_at = ? WHERE incarnation = ? AND gone = 0

-- name: leave
-- What it still holds is lost at once.
UPDATE node SET gone = 1 WHERE incarnation = ?

-- name: former_gone
-- Whoever opens the file holds it alone (:name NULL): every earlier incarnation is dead, whatever its
-- lease says. Where it is shared: those of its own name.
UPDATE node SET gone = 1 WHERE gone = 0 AND (:name IS NULL OR name = :name)

-- name: release
-- What the dead were sending is due at once; whether it arrived nobody knows.
UPDATE delivery SET lease = NULL, due_at = created_at
WHERE lease IS NOT NULL AND lease NOT IN (SELECT incarnation FROM node WHERE gone = 0)

-- name: declare_dead
-- Its lease ended: from now on it cannot be renewed.
UPDATE node SET gone = 1 WHERE gone = 0 AND expires_at <= ?

-- name: dying
-- Whether any incarnation must be declared dead.
SELECT 1 FROM node WHERE gone = 0 AND expires_at <= ? LIMIT 1

-- name: lost
-- What incarnations that are gone still hold. What runs is few: the table is read whole. Suspects last,
-- so that whoever stops half way finds what ran beside them as it was.
WITH suspected AS (SELECT DISTINCT lease FROM running WHERE losses_used > 0)
SELECT r.id, i.tail, r.function_id, r.attempt, r.lease, r.state, r.retries_used, r.platform_tries,
  r.platform_since, r.losses_used, r.interrupted, i.accepted_at, r.expires_at,
  i.meta, r.losses_used = 0 AND r.lease IN (SELECT lease FROM suspected), r.aborted
FROM running r CROSS JOIN invocation i ON i.id = r.id
WHERE r.lease NOT IN (SELECT incarnation FROM node WHERE gone = 0)
ORDER BY r.losses_used > 0, r.id LIMIT ?

-- name: highest_id
-- Deliveries share the source of ids.
SELECT id, tail FROM (
  SELECT * FROM (SELECT id, tail FROM invocation ORDER BY id DESC LIMIT 1)
  UNION ALL SELECT * FROM (SELECT id, tail FROM delivery ORDER BY id DESC LIMIT 1))
ORDER BY id DESC LIMIT 1

-- name: next_due
-- One look into the index for each function; suspects, which are few, are passed over.
SELECT value, (SELECT due_at FROM waiting INDEXED BY waiting_due
               WHERE function_id = value AND losses_used = 0 ORDER BY due_at LIMIT 1)
FROM json_each(?)

-- name: due_functions
-- Jumps from function to function in the index: never reads every waiting row.
WITH RECURSIVE f (id) AS (
  SELECT min(function_id) FROM waiting WHERE function_id > :after
  UNION ALL
  SELECT (SELECT min(function_id) FROM waiting WHERE function_id > f.id) FROM f WHERE f.id IS NOT NULL
  LIMIT :limit)
SELECT id, (SELECT due_at FROM waiting INDEXED BY waiting_due
            WHERE function_id = f.id AND losses_used = 0 ORDER BY due_at LIMIT 1)
FROM f WHERE id IS NOT NULL

-- name: live
-- One look into the index for each function; what runs is few.
SELECT value FROM json_each(?)
WHERE EXISTS (SELECT 1 FROM waiting INDEXED BY waiting_due WHERE function_id = value)
  OR value IN (SELECT function_id FROM running)

-- name: suspects
-- From their own index, which is small.
SELECT function_id, min(due_at) FROM waiting INDEXED BY waiting_suspect WHERE losses_used > 0
GROUP BY function_id

-- name: suspects_of
-- The first of one function.
SELECT function_id, due_at FROM waiting INDEXED BY waiting_suspect
WHERE function_id = ? AND losses_used > 0 ORDER BY due_at LIMIT 1

-- name: receivers_owed
-- The same jumps over the receivers of pending deliveries (`key`).
WITH RECURSIVE k (key) AS (
  SELECT min(key) FROM delivery WHERE state = 0 AND key >= :least
  UNION ALL
  SELECT (SELECT min(key) FROM delivery WHERE state = 0 AND key > k.key) FROM k
  WHERE k.key IS NOT NULL
  LIMIT :limit)
SELECT key, (SELECT min(due_at) FROM delivery d WHERE d.state = 0 AND d.key = k.key)
FROM k WHERE key IS NOT NULL

-- name: expiring
-- Waiting past their age, oldest expiry first.
SELECT w.id, i.tail, w.function_id, w.state, w.due_at, w.expires_at, w.attempt, i.meta
FROM (SELECT * FROM waiting WHERE expires_at <= ? ORDER BY expires_at, id LIMIT ?) w
CROSS JOIN invocation i ON i.id = w.id ORDER BY w.expires_at, w.id

-- name: next_expiry
-- The first of the index.
SELECT min(expires_at) FROM waiting

-- name: waiting
-- Waiting invocations of one function by due_at.
SELECT w.id, i.tail, w.function_id, w.state, w.due_at, w.expires_at, w.attempt, i.meta
FROM (SELECT * FROM waiting WHERE function_id = ? AND due_at < ?
      ORDER BY due_at, expires_at, id LIMIT ?) w
CROSS JOIN invocation i ON i.id = w.id ORDER BY w.due_at, w.expires_at, w.id

-- name: probe
-- Needs room in the file and in the log, as a commit does.
INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', zeroblob(16384))
