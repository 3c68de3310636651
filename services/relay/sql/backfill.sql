-- Snapshots of records that exist already, or that were erased. The trigger writes them; those of the writer `backfill` raise no triggers.

-- name: name_writer
SELECT set_config('finish.writer', 'backfill', true), set_config('finish.now', $1, true)

-- name: chunk
-- The next $2 records after $1; rows are locked in the order of their ids, as the executors do.
WITH chunk AS MATERIALIZED (
    SELECT id FROM prospects WHERE id > $1 ORDER BY id LIMIT $2 FOR UPDATE
)
UPDATE prospects SET version = prospects.version
FROM chunk
WHERE prospects.id = chunk.id
RETURNING prospects.id

-- name: erased_chunk
-- The next $2 erased prospects after $1.
INSERT INTO outbox (aggregatetype, aggregateid, type, payload)
SELECT 'interactions', prospect_id::text, 'snapshot', erased_snapshot(e)
FROM erasures e
WHERE prospect_id > $1
ORDER BY prospect_id
LIMIT $2
RETURNING aggregateid::uuid AS id
