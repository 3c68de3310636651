-- Prospects brought in by the hundreds.

-- name: known
-- The record of an id of another system, or else of an address.
-- $1 external id, or null, $2 address, or null
SELECT p.* FROM prospects p
WHERE p.id = coalesce(
    (SELECT i.prospect_id FROM prospect_identities i WHERE i.kind = 'external' AND i.value = $1),
    (SELECT a.id FROM prospects a WHERE text_key(a.email) = text_key($2)))
FOR UPDATE

-- name: bind
-- No row: the id is another prospect's.
INSERT INTO prospect_identities AS i (kind, value, prospect_id) VALUES ('external', $1, $2)
ON CONFLICT (kind, value) DO UPDATE SET value = i.value WHERE i.prospect_id = excluded.prospect_id
RETURNING value
