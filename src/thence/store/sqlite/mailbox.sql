-- name: names
-- Each box with its size.
SELECT kind, name, count(*), sum(bytes), min(created_at) FROM mailbox
GROUP BY kind, name ORDER BY kind, name

-- name: read
-- Messages after one, in order; :prefix is of the key.
SELECT seq, kind, name, key, body, content_type, headers, created_at, expires_at, visible_at,
  receives, receipt, digest
FROM mailbox WHERE kind = :kind AND name = :name AND seq > :after
  AND substr(key, 1, length(:prefix)) = :prefix ORDER BY seq LIMIT :limit

-- name: receivable
-- Visible messages of a queue, oldest first.
SELECT seq, kind, name, key, body, content_type, headers, created_at, expires_at, visible_at,
  receives, receipt, digest
FROM mailbox WHERE kind = 'queue' AND name = :name AND visible_at <= :now
  AND (expires_at IS NULL OR expires_at > :now) ORDER BY seq LIMIT :limit

-- name: take
-- Invisible until then; an older receipt is worth nothing any more.
UPDATE mailbox SET visible_at = ?, receives = ?, receipt = ? WHERE seq = ?

-- name: delete_seq
-- One message.
DELETE FROM mailbox WHERE seq = ? AND kind = ? AND name = ?

-- name: delete_receipt
-- One message, if nobody took it since.
DELETE FROM mailbox WHERE seq = ? AND kind = ? AND name = ? AND receipt = ?

-- name: delete_key
-- One object of a bucket.
DELETE FROM mailbox WHERE kind = ? AND name = ? AND key = ?

-- name: last
-- The newest of a box.
SELECT coalesce(max(seq), 0) FROM mailbox WHERE kind = ? AND name = ?

-- name: delete_some
-- The oldest of a box.
DELETE FROM mailbox WHERE seq IN (
  SELECT seq FROM mailbox WHERE kind = ? AND name = ? AND seq <= ? ORDER BY seq LIMIT ?)
