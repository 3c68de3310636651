-- What prospects are known by besides their address.

-- name: find
-- `waiting` as with addresses: see prospects.sql.
SELECT asked.kind, asked.value, p.id,
       EXISTS (SELECT FROM outbox
               WHERE outbox.aggregateid = p.id::text
                 AND (outbox.type = 'interaction' OR (outbox.payload #>> '{data,version}') = '1')) AS waiting
FROM unnest($1::text[], $2::text[]) AS asked (kind, value)
JOIN prospect_identities i ON i.kind = asked.kind AND i.value = asked.value
JOIN prospects p ON p.id = i.prospect_id

-- name: lock_identity
SELECT p.id, p.email, p.fields
FROM prospects p JOIN prospect_identities i ON i.prospect_id = p.id
WHERE i.kind = $1 AND i.value = $2
FOR UPDATE OF p

-- name: lock_address
SELECT id, email, fields FROM prospects WHERE text_key(email) = text_key($1) FOR UPDATE

-- name: create
INSERT INTO prospects (id, email, fields) VALUES ($1, $2, $3)
ON CONFLICT (text_key(email)) DO NOTHING
RETURNING id, email, fields

-- name: address_taken
SELECT EXISTS (SELECT FROM prospects WHERE text_key(email) = text_key($1))

-- name: change
UPDATE prospects SET fields = (fields || $2) - $4::text[], email = coalesce($3, email) WHERE id = $1

-- name: bind_external
-- One that is another's stays that one's.
INSERT INTO prospect_identities (kind, value, prospect_id, bound_at) VALUES ('external', $1, $2, $3)
ON CONFLICT (kind, value) DO NOTHING
RETURNING prospect_id

-- name: bind_anonymous
INSERT INTO prospect_identities (kind, value, prospect_id, bound_at) VALUES ('anonymous', $1, $2, $3)
ON CONFLICT (kind, value) DO UPDATE SET prospect_id = excluded.prospect_id, bound_at = excluded.bound_at

-- name: own_fields
SELECT name, type, label, options FROM fields WHERE name = ANY($1::text[])
