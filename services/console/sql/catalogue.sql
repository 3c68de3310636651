-- The workspace's own fields. The built-in ones stand in schemas/field_catalogue.py.

-- name: own_fields
SELECT name, type, label, options, personal FROM fields ORDER BY created_at, name

-- name: lock_fields
-- Two additions come one after the other, so that the upper bound holds.
SELECT pg_advisory_xact_lock(hashtextextended('finish.fields', 0))

-- name: add_field
INSERT INTO fields (name, type, label, options, personal) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
RETURNING name
