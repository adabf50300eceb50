-- name: add
-- To what the minutes hold already, as records.merged says.
INSERT INTO minute (function, minute, metric, value) VALUES (?,?,?,?)
ON CONFLICT (function, minute, metric) DO UPDATE SET value = CASE
  WHEN excluded.metric GLOB '*_max' THEN max(value, excluded.value)
  WHEN excluded.metric GLOB '*_min' THEN min(value, excluded.value)
  ELSE value + excluded.value END

-- name: read
-- Of all functions.
SELECT minute, function, metric, value FROM minute INDEXED BY minute_at
WHERE minute >= :since AND minute < :until AND (:metric IS NULL OR metric = :metric)
ORDER BY minute, function, metric

-- name: read_of
-- Of one function.
SELECT minute, function, metric, value FROM minute
WHERE function = :function AND minute >= :since AND minute < :until
  AND (:metric IS NULL OR metric = :metric)
ORDER BY minute, metric
