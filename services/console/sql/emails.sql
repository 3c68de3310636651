-- List e-mails, rendered by request and sent to lists.

-- name: template
SELECT a.id, a.status, a.settings ->> 'subject' AS subject, t.html_ready AS html, t.text_ready AS text
FROM assets a JOIN templates t ON t.id = a.id
WHERE a.id = $1

-- name: prospect
-- Kept from being erased until the end.
SELECT p.id, prospect_values(p) AS prospect,
       (SELECT jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email) FROM users u WHERE u.id = p.owner) AS owner
FROM prospects p WHERE p.id = $1
FOR KEY SHARE OF p

-- name: list_exists
SELECT EXISTS (SELECT FROM lists WHERE id = $1)

-- name: keep_mail
-- No row: the id is the one of another mail.
INSERT INTO mails (id, asset_id, prospect_id) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET created_at = mails.created_at
WHERE mails.asset_id = excluded.asset_id AND mails.prospect_id = excluded.prospect_id
RETURNING id

-- name: keep_links
-- $1 ids, $2 asset, $3 addresses
INSERT INTO mail_links (id, asset_id, url)
SELECT l.id, $2, l.url FROM unnest($1::uuid[], $3::text[]) AS l (id, url) ORDER BY l.id
ON CONFLICT (id) DO NOTHING

-- name: send
INSERT INTO list_sends (id, asset_id, list, params, created_at) VALUES ($1, $2, $3, $4, $5)

-- name: read_send
SELECT s.id, s.asset_id, s.list, s.created_at, s.queued, s.queued_at,
       coalesce((SELECT jsonb_object_agg(c.state, c.count)
                 FROM (SELECT state, count(*) AS count FROM command_ledger WHERE uid = s.id GROUP BY state) AS c), '{}') AS states
FROM list_sends s WHERE s.id = $1
