-- The prospect's record. Its trigger writes the snapshot into the outbox.

-- name: create
INSERT INTO prospects (id, email, score, owner, tags, lists, fields)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
RETURNING *

-- name: read
SELECT * FROM prospects WHERE id = $1

-- name: lock
SELECT * FROM prospects WHERE id = $1 FOR UPDATE

-- name: update
UPDATE prospects SET email = $2, score = $3, owner = $4, tags = $5, lists = $6, fields = $7
WHERE id = $1
RETURNING *

-- name: unknown_lists
SELECT id FROM unnest($1::text[]) AS asked (id) WHERE NOT EXISTS (SELECT FROM lists WHERE lists.id = asked.id)

-- name: user_exists
SELECT EXISTS (SELECT FROM users WHERE id = $1)
