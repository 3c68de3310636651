-- The outbox as the relay works on it. Rows become visible in any order of seq; those of one prospect, whose row is locked
-- by their writer, only in order. So there is no cursor: what is there is read, oldest first, and what is done is deleted.

-- name: read
-- At most $1 rows, and no more once those before weigh $2 bytes (as stored).
SELECT seq, aggregatetype, aggregateid, type, payload::text AS payload
FROM (
    SELECT *, sum(pg_column_size(payload)) OVER (ORDER BY seq) - pg_column_size(payload) AS bytes_before
    FROM (SELECT * FROM outbox ORDER BY seq LIMIT $1) AS oldest
) AS weighed
WHERE bytes_before < $2
ORDER BY seq

-- name: delete
DELETE FROM outbox WHERE seq = ANY($1::bigint[])

-- name: tell
SELECT pg_notify('finish_published', '')

-- name: keep_dead
INSERT INTO dead_letters (id, reason, error, topic, partition, "offset", key, value, prospect_id, first_time, last_time)
VALUES ($1, $2, $3, 'outbox', 0, $4, $5, $6, $7, $8, $8)
ON CONFLICT DO NOTHING

-- name: age
SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM outbox ORDER BY seq LIMIT 1
