-- API keys: the hash is kept, never the key.

-- name: create
INSERT INTO api_keys (id, name, hash, scopes, sources, may_create, rate_per_s)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING *

-- name: page
SELECT * FROM api_keys WHERE id > $1 ORDER BY id LIMIT $2

-- name: revoke
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1
RETURNING id

-- name: rotate
-- The secret until now stays live beside the new one; the one before it does not.
UPDATE api_keys SET previous_hash = hash, hash = $2 WHERE id = $1 AND revoked_at IS NULL
RETURNING *

-- name: retire
UPDATE api_keys SET previous_hash = NULL WHERE id = $1
RETURNING id
