-- Prospects that are named by their e-mail address.

-- name: find
-- `waiting`: the log does not have the prospect's first snapshot yet, or interactions of it are committed and not in the log:
-- what follows them goes behind them. Other snapshots are passed: they are somebody else's changes, in no order to this.
SELECT asked.email, prospects.id,
       EXISTS (SELECT FROM outbox
               WHERE outbox.aggregateid = prospects.id::text
                 AND (outbox.type = 'interaction' OR (outbox.payload #>> '{data,version}') = '1')) AS waiting
FROM unnest($1::text[]) AS asked (email)
JOIN prospects ON text_key(prospects.email) = text_key(asked.email)

-- name: waiting
-- Whether anything of these prospects is committed and not in the log.
SELECT EXISTS (SELECT FROM outbox WHERE aggregateid = ANY ($1::text[]))

-- name: lock
SELECT FROM prospects WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE

-- name: create
INSERT INTO prospects (id, email) VALUES ($1, $2)
ON CONFLICT (text_key(email)) DO NOTHING
RETURNING id
