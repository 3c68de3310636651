-- What the outbox still holds, and what goes into it. The relay publishes rows in the order of seq.

-- name: unpublished
SELECT seq FROM outbox WHERE seq = ANY($1::bigint[])

-- name: publish_definition
INSERT INTO outbox (aggregatetype, aggregateid, type, payload)
VALUES ('definitions', $1, $2, $3)
RETURNING seq

-- name: last_written
-- The row that the trigger wrote for this session's newest change of a prospect.
SELECT currval(pg_get_serial_sequence('outbox', 'seq'))

-- name: unpublished_of
-- What the outbox still holds of one prospect.
SELECT seq FROM outbox WHERE aggregatetype = 'interactions' AND aggregateid = $1
