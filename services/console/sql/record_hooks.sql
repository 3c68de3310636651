-- Hooks that a CRM tells of its records by. Ingest reads them at each call.

-- name: create
-- $1 id, $2 name, $3 records, $4 external id, $5 e-mail, $6 opted out, $7 mapping, $8 instant
INSERT INTO record_hooks (id, name, records, external_id, email, opted_out, mapping, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING
RETURNING *

-- name: replace
UPDATE record_hooks
SET name = $2, records = $3, external_id = $4, email = $5, opted_out = $6, mapping = $7, updated_at = $8
WHERE id = $1
RETURNING *

-- name: page
SELECT * FROM record_hooks WHERE id > $1 ORDER BY id LIMIT $2

-- name: delete
DELETE FROM record_hooks WHERE id = $1 RETURNING id
