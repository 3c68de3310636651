-- Keys of the HTTP APIs. Few, so they are read all at once.

-- name: live_keys
SELECT id, hash, previous_hash, name, scopes, sources, may_create, rate_per_s
FROM api_keys
WHERE revoked_at IS NULL
ORDER BY created_at, id
LIMIT $1
