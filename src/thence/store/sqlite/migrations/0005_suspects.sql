-- Schema 5: what waits and was lost before, so that it is found without a look at all that waits.
-- There are never more of these than ran at once when a node was lost.
CREATE INDEX waiting_suspect ON waiting (function_id, due_at) WHERE losses_used > 0;
