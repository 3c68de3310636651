-- What every transaction of an acceptance does to the outbox.

-- name: name_writer
SELECT set_config('finish.writer', $1, true), set_config('finish.now', $2, true)

-- name: enqueue
INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('interactions', $1, 'interaction', $2)
