-- Consent, as interactions tell it.

-- name: lock
-- $2 the id of a list, or null; `list` is it where there is such a list
SELECT p.consent, l.id AS list, p.lists ->> l.id AS status
FROM prospects p
LEFT JOIN lists l ON l.id = $2
WHERE p.id = $1
FOR UPDATE OF p

-- name: change
UPDATE prospects SET consent = $2 WHERE id = $1

-- name: leave
UPDATE prospects SET lists = lists || jsonb_build_object($2::text, 'unsubscribed') WHERE id = $1
