-- The CRM that tasks and leads are pushed to: none, or one.

-- name: read
SELECT url, headers, auth, records, updated_at FROM crm_push

-- name: write
-- $1 URL, $2 headers, $3 authentication, $4 records, $5 instant
INSERT INTO crm_push (url, headers, auth, records, updated_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (singleton) DO UPDATE
SET url = excluded.url, headers = excluded.headers, auth = excluded.auth, records = excluded.records,
    updated_at = excluded.updated_at
RETURNING url, headers, auth, records, updated_at

-- name: delete
DELETE FROM crm_push RETURNING url
