-- One row per client address and user that submits forms.

-- name: open
-- Returns the attempts so far and locks the row until the transaction ends.
INSERT INTO spam_windows (address, user_key, times_ms) VALUES ($1, $2, '{}')
ON CONFLICT (address, user_key) DO UPDATE SET user_key = excluded.user_key
RETURNING times_ms

-- name: keep
UPDATE spam_windows SET times_ms = $3 WHERE address = $1 AND user_key = $2
