-- name: bodies
-- Every blob that the store names, with the digest of its content where it was noted.
SELECT payload_ref, coalesce(payload_digest, ''), payload_bytes FROM invocation
WHERE payload_ref IS NOT NULL
UNION
SELECT result_ref, coalesce(result_digest, ''), coalesce(result_bytes, 0) FROM ended
WHERE result_ref IS NOT NULL

-- name: archives
-- The code of everything that is deployed. (An archive is named by its digest.)
SELECT code_digest, max(code_bytes) FROM function
WHERE deleted_at IS NULL AND code_digest <> '' GROUP BY code_digest
