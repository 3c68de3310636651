-- What became of interactions: rows that history wrote, with the ledger of the executors.

-- name: one
-- Of an erased prospect the values are gone: they must not be told as missing.
SELECT *, EXISTS (SELECT FROM erasures WHERE erasures.prospect_id::text = decisions.prospect_id) AS erased
FROM decisions
WHERE uid = $1

-- name: timeline
-- Newest first; the order of the log breaks ties of acceptance time.
SELECT * FROM decisions
WHERE prospect_id = $1
  AND ($2::timestamptz IS NULL OR (recordedtime, position, uid) < ($2, $3::bigint, $4::uuid))
ORDER BY recordedtime DESC, position DESC, uid DESC
LIMIT $5

-- name: lists
SELECT asset_id, version, document
FROM action_lists
JOIN unnest($1::text[], $2::integer[]) AS asked (asset_id, version) USING (asset_id, version)

-- name: outcomes
SELECT command_id, state, reason, attempts, next_at, error FROM command_ledger WHERE uid = ANY($1::uuid[])

-- name: dead
-- One that was deleted counts, too: what has neither decision nor ledger row since was not carried out.
SELECT uid, command_id, reason, error, attempts FROM dead_letters WHERE uid = ANY($1::uuid[])
UNION ALL
SELECT uid, command_id, reason, error, attempts FROM ended_dead_letters WHERE uid = ANY($1::uuid[])

-- name: prospect_exists
SELECT EXISTS (SELECT FROM prospects WHERE id = $1)
