-- name: keep
-- Where a link of a mail leads.
INSERT INTO mail_links (id, asset_id, url) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING

-- name: named
-- What a link names; no row: there is no such asset.
SELECT kind, status, EXISTS (SELECT FROM prospects WHERE id = $2) AS prospect_exists
FROM assets
WHERE id = $1
