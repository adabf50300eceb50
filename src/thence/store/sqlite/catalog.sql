-- name: functions
-- Those that can be invoked.
SELECT id, name, revision, spec, code_digest, code_bytes, created_at, updated_at, deleted_at
FROM function WHERE deleted_at IS NULL ORDER BY name

-- name: functions_all
-- And the deleted ones of which invocations remain.
SELECT f.id, f.name, f.revision, f.spec, f.code_digest, f.code_bytes, f.created_at, f.updated_at,
  f.deleted_at
FROM function f LEFT JOIN counter c ON c.function_id = f.id
WHERE f.deleted_at IS NULL
  OR c.accepted > c.pruned_succeeded + c.pruned_failed + c.pruned_stopped + c.pruned_expired
    + c.pruned_invalid
ORDER BY f.name, f.id

-- name: replace
-- Zero rows: there is none of that name yet.
UPDATE function SET revision = revision + 1, spec = ?, code_digest = ?, code_bytes = ?,
  updated_at = ? WHERE name = ? AND deleted_at IS NULL

-- name: create
-- The first revision.
INSERT INTO function (name, revision, spec, code_digest, code_bytes, created_at, updated_at)
VALUES (?, 1, ?, ?, ?, ?, ?)

-- name: by_name
-- The live one of that name.
SELECT id, name, revision, spec, code_digest, code_bytes, created_at, updated_at, deleted_at
FROM function WHERE name = ? AND deleted_at IS NULL

-- name: delete
-- Zero rows: it is gone already.
UPDATE function SET deleted_at = ?, updated_at = ? WHERE id = ? AND deleted_at IS NULL
