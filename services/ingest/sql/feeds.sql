-- What feeds of mail services tell of mails.

-- name: mail
-- Whose mail it was: by an id of ours, else by the service's reference of what was sent from here.
-- $1 ids that we may have given, $2 the service's reference, or null
SELECT m.id, m.asset_id, m.prospect_id
FROM mails m
WHERE m.id = ANY ($1::text[])
   OR m.id = (SELECT a.command_id::text FROM delivery_attempts a WHERE a.reference = $2 LIMIT 1)
ORDER BY array_position($1::text[], m.id)
LIMIT 1

-- name: lock
SELECT id, email, consent FROM prospects WHERE id = $1 FOR UPDATE

-- name: lock_address
SELECT id, email, consent FROM prospects WHERE text_key(email) = text_key($1) FOR UPDATE
