-- Assets: what prospects interact with.

-- name: create
INSERT INTO assets (id, kind, name, settings) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING *

-- name: read
SELECT * FROM assets WHERE id = $1

-- name: lock
SELECT * FROM assets WHERE id = $1 FOR UPDATE

-- name: update
UPDATE assets SET name = $2, status = $3, settings = $4 WHERE id = $1
RETURNING *

-- name: page
SELECT * FROM assets
WHERE id > $1 AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR status = $3)
ORDER BY id
LIMIT $4

-- name: file
-- $1 id, $2 file
UPDATE assets SET settings = settings || jsonb_build_object('file', $2::jsonb) WHERE id = $1
RETURNING *
