-- name: listed
-- A bounded number of rows of one source in the order asked for, filtered; {source} is one of our
-- tables and the beginning of a condition.
SELECT l.id FROM (
  SELECT id FROM {source} id > :above AND id < :below ORDER BY id {order} LIMIT :scan) s
CROSS JOIN listed l ON l.id = s.id AND l.family = :family
LEFT JOIN ended e ON :states IS NOT NULL AND e.id = l.id
LEFT JOIN running r ON :states IS NOT NULL AND r.id = l.id
LEFT JOIN waiting w ON :states IS NOT NULL AND w.id = l.id
WHERE (:states IS NULL OR coalesce(e.state, r.state, w.state) IN (SELECT value FROM json_each(:states)))
  AND (:qualifier IS NULL OR l.qualifier = :qualifier)
  AND substr(l.caller_id, 1, length(:prefix)) = :prefix
ORDER BY s.id {order} LIMIT :limit

-- name: listed_scanned
-- How far that looked.
SELECT count(*), {far}(id) FROM (
  SELECT id FROM {source} id > :above AND id < :below ORDER BY id {order} LIMIT :scan)

-- name: by_caller_id
-- At most one.
SELECT id, tail FROM listed WHERE family = ? AND caller_id = ?
