-- What every transaction of an acceptance does to the outbox.

-- name: name_writer
SELECT set_config('finish.writer', $1, true), set_config('finish.now', $2, true)

-- name: enqueue
INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('interactions', $1, 'interaction', $2)

-- name: waiting
-- Whether the first snapshot or interactions of a prospect are not in the log yet.
SELECT EXISTS (SELECT FROM outbox
               WHERE aggregateid = $1 AND (type = 'interaction' OR (payload #>> '{data,version}') = '1'))
