-- Mailing lists.

-- name: create
INSERT INTO lists (id, name) VALUES ($1, $2)
ON CONFLICT DO NOTHING
RETURNING *

-- name: page
SELECT * FROM lists WHERE id > $1 ORDER BY id LIMIT $2
