-- API keys: the hash is kept, never the key.

-- name: create
INSERT INTO api_keys (id, name, hash, scopes, sources, may_create) VALUES ($1, $2, $3, $4, $5, $6)
RETURNING *

-- name: page
SELECT * FROM api_keys WHERE id > $1 ORDER BY id LIMIT $2

-- name: revoke
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1
RETURNING id
