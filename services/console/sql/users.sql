-- Users.

-- name: create
INSERT INTO users (id, name, email, enabled) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING *

-- name: own_users
-- Taken alone by a switch, so that no list is saved on who was enabled a moment ago (action_lists.sql shares it).
SELECT pg_advisory_xact_lock(hashtextextended('finish.users', 0))

-- name: read
SELECT * FROM users WHERE id = $1

-- name: update
UPDATE users SET name = $2, email = $3, enabled = $4 WHERE id = $1
RETURNING *

-- name: page
SELECT * FROM users WHERE id > $1 ORDER BY id LIMIT $2
