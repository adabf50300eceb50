-- name: revision
-- Of the catalogue: how often it was changed.
SELECT revision FROM catalogue WHERE id = 1

-- name: count_up
-- Zero rows: somebody changed it since that revision. (NULL: whatever it is.)
UPDATE catalogue SET revision = revision + 1 WHERE id = 1 AND (?1 IS NULL OR revision = ?1)

-- name: touch
-- By this revision.
INSERT OR IGNORE INTO catalogue_change (revision, family, kind, owner, name)
SELECT revision, ?, ?, ?, ? FROM catalogue WHERE id = 1

-- name: touched_drop
-- Who knows no later revision reads the whole.
DELETE FROM catalogue_change WHERE revision <= (SELECT revision FROM catalogue WHERE id = 1) - ?

-- name: touched_first
-- The earliest revision of which that is known.
SELECT min(revision) FROM catalogue_change

-- name: touched
-- Since that revision.
SELECT DISTINCT family, kind, owner, name FROM catalogue_change WHERE revision > ?

-- name: family_of
-- Of a version's row.
SELECT CASE family_id WHEN 0 THEN id ELSE family_id END FROM function WHERE id = ?

-- name: functions_of
-- Of one family, as functions_all.
SELECT f.id, f.name, f.revision, f.spec, f.code_digest, f.code_bytes, f.created_at, f.updated_at,
  f.deleted_at, f.version, f.family_id, f.note
FROM function f LEFT JOIN counter c ON c.function_id = f.id
WHERE (f.id = ?1 OR f.family_id = ?1 AND f.family_id <> 0)
  AND (f.deleted_at IS NULL
    OR c.accepted > c.pruned_succeeded + c.pruned_failed + c.pruned_stopped + c.pruned_expired
      + c.pruned_invalid)
ORDER BY f.id

-- name: entries_of
-- Of one owner, whatever their kind: the few kinds are stepped through, so that the entries of all others
-- are not looked at.
SELECT kind, owner, name, data, created_at, updated_at FROM entry WHERE kind IN (
  WITH RECURSIVE next (kind) AS (
    SELECT min(kind) FROM entry
    UNION ALL
    SELECT (SELECT min(kind) FROM entry WHERE kind > next.kind) FROM next WHERE next.kind IS NOT NULL
  )
  SELECT kind FROM next WHERE kind IS NOT NULL
) AND owner = ?
ORDER BY kind, name

-- name: functions
-- Those that can be invoked; of a name `latest` first, then its versions, oldest first.
SELECT id, name, revision, spec, code_digest, code_bytes, created_at, updated_at, deleted_at,
  version, family_id, note
FROM function WHERE deleted_at IS NULL ORDER BY name, id

-- name: functions_all
-- And the deleted ones of which invocations remain.
SELECT f.id, f.name, f.revision, f.spec, f.code_digest, f.code_bytes, f.created_at, f.updated_at,
  f.deleted_at, f.version, f.family_id, f.note
FROM function f LEFT JOIN counter c ON c.function_id = f.id
WHERE f.deleted_at IS NULL
  OR c.accepted > c.pruned_succeeded + c.pruned_failed + c.pruned_stopped + c.pruned_expired
    + c.pruned_invalid
ORDER BY f.name, f.id

-- name: replace
-- Zero rows: there is none of that name yet.
UPDATE function SET revision = revision + 1, spec = ?, code_digest = ?, code_bytes = ?,
  updated_at = ? WHERE name = ? AND version = 'latest' AND deleted_at IS NULL

-- name: create
-- The first revision.
INSERT INTO function (name, revision, spec, code_digest, code_bytes, created_at, updated_at)
VALUES (?, 1, ?, ?, ?, ?, ?)

-- name: by_name
-- The live one of that name and version.
SELECT id, name, revision, spec, code_digest, code_bytes, created_at, updated_at, deleted_at,
  version, family_id, note
FROM function WHERE name = ? AND version = ? AND deleted_at IS NULL

-- name: latest
-- The name of a family that is there.
SELECT name FROM function WHERE id = ? AND version = 'latest' AND deleted_at IS NULL

-- name: version_used
-- The version is there, or was there and invocations of it remain.
SELECT f.deleted_at IS NULL FROM function f LEFT JOIN counter c ON c.function_id = f.id
WHERE f.family_id = ? AND f.family_id <> 0 AND f.version = ? AND (f.deleted_at IS NULL
  OR c.accepted > c.pruned_succeeded + c.pruned_failed + c.pruned_stopped + c.pruned_expired
    + c.pruned_invalid)
ORDER BY f.deleted_at IS NULL DESC LIMIT 1

-- name: publish
-- A copy of `latest` as it is now.
INSERT INTO function (name, revision, spec, code_digest, code_bytes, created_at, updated_at,
  version, family_id, note)
SELECT name, 1, spec, code_digest, code_bytes, ?1, ?1, ?2, id, ?3 FROM function WHERE id = ?4

-- name: delete_family
-- `latest` and its versions.
UPDATE function SET deleted_at = ?1, updated_at = ?1
WHERE deleted_at IS NULL AND (id = ?2 OR family_id = ?2 AND family_id <> 0)

-- name: delete_version
-- Zero rows: it is gone already, or is no version.
UPDATE function SET deleted_at = ?1, updated_at = ?1
WHERE id = ?2 AND family_id <> 0 AND deleted_at IS NULL

-- name: entries
-- All of them.
SELECT kind, owner, name, data, created_at, updated_at FROM entry ORDER BY kind, owner, name

-- name: entry
-- One of them.
SELECT kind, owner, name, data, created_at, updated_at FROM entry
WHERE kind = ? AND owner = ? AND name = ?

-- name: put_entry
-- `created_at` stays that of the first.
INSERT INTO entry (kind, owner, name, data, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
ON CONFLICT (kind, owner, name) DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at

-- name: delete_entry
-- Zero rows: there is none.
DELETE FROM entry WHERE kind = ? AND owner = ? AND name = ?

-- name: delete_entries_of
-- What a family owned goes with it. See entries_of.
DELETE FROM entry WHERE kind IN (
  WITH RECURSIVE next (kind) AS (
    SELECT min(kind) FROM entry
    UNION ALL
    SELECT (SELECT min(kind) FROM entry WHERE kind > next.kind) FROM next WHERE next.kind IS NOT NULL
  )
  SELECT kind FROM next WHERE kind IS NOT NULL
) AND owner = ?
