-- name: named
-- What a link names; no row: there is no such asset.
SELECT kind, status, EXISTS (SELECT FROM prospects WHERE id = $2) AS prospect_exists
FROM assets
WHERE id = $1
