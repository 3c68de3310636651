-- The outbox as the relay works on it. Rows become visible in any order of seq; those of one prospect, whose row is locked
-- by their writer, only in order. So there is no cursor: what is there is read, oldest first, and what is done is deleted.

-- name: read
-- At most $1 rows, and no more once those before weigh $2 bytes (as stored). A replay comes with its dead letter's bytes,
-- or without, when the letter is gone.
SELECT seq, aggregatetype, aggregateid, type, payload::text AS payload, letter_id, topic, partition, key, value
FROM (
    SELECT *, sum(size_bytes) OVER (ORDER BY seq) - size_bytes AS bytes_before
    FROM (
        SELECT o.*, l.id AS letter_id, l.topic, l.partition, l.key, l.value,
               pg_column_size(o.payload) + coalesce(octet_length(l.value), 0) AS size_bytes
        FROM (SELECT * FROM outbox ORDER BY seq LIMIT $1) AS o
        LEFT JOIN dead_letters AS l ON l.id = CASE o.aggregatetype WHEN 'replay' THEN o.aggregateid::uuid END
    ) AS oldest
) AS weighed
WHERE bytes_before < $2
ORDER BY seq

-- name: delete
DELETE FROM outbox WHERE seq = ANY($1::bigint[])

-- name: tell
SELECT pg_notify('finish_published', '')

-- name: keep_dead
INSERT INTO dead_letters (id, reason, error, topic, partition, "offset", key, value, prospect_id, first_time, last_time,
                          cut)
VALUES ($1, $2, $3, 'outbox', 0, $4, $5, $6, $7, $8, $8, $9)
ON CONFLICT DO NOTHING

-- name: give_back
-- The log does not take this letter's replay: it stays as it was, with one attempt more.
UPDATE dead_letters
SET reason = $2, error = $3, attempts = attempts + 1, last_time = $4, replayed_at = NULL
WHERE id = $1 AND replayed_at IS NOT NULL

-- name: dead_letters
-- How many dead letters there are of a kind, looking at no more than $1.
SELECT topic, reason, count(*) AS letters
FROM (SELECT topic, reason FROM dead_letters LIMIT $1) AS seen
GROUP BY topic, reason

-- name: age
SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM outbox ORDER BY seq LIMIT 1
