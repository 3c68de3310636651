-- What a submission needs of the workspace, and what it makes of a record.

-- name: form
-- The form, and the newest versions of the lists that decide its interaction.
SELECT kind, status, settings,
       (SELECT coalesce(max(version), 0) FROM action_lists WHERE asset_id = assets.id) AS version,
       (SELECT coalesce(max(version), 0) FROM action_lists WHERE asset_id = $2) AS prospect_version
FROM assets
WHERE id = $1

-- name: own_fields
SELECT name, type, label, options FROM fields WHERE name = ANY($1::text[])

-- name: lock
SELECT id, fields FROM prospects WHERE text_key(email) = text_key($1) FOR UPDATE

-- name: create
INSERT INTO prospects (id, email, fields) VALUES ($1, $2, $3)
ON CONFLICT (text_key(email)) DO NOTHING
RETURNING id

-- name: update
UPDATE prospects SET fields = fields || $2 WHERE id = $1

-- name: nonce_used
SELECT EXISTS (SELECT FROM form_nonces WHERE id = $1)

-- name: use_nonce
-- No row: somebody else has, at this moment too.
INSERT INTO form_nonces (id, submitted_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING
RETURNING id
