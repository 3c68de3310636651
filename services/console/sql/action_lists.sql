-- Versions of action lists, immutable. A save holds the asset's row, so versions grow by one.

-- name: share_users
-- Saves read who is disabled while no switch of a user runs; a switch takes the same lock alone (users.sql).
SELECT pg_advisory_xact_lock_shared(hashtextextended('finish.users', 0))

-- name: newest
SELECT document FROM action_lists WHERE asset_id = $1 ORDER BY version DESC LIMIT 1

-- name: of_version
SELECT document FROM action_lists WHERE asset_id = $1 AND version = $2

-- name: save
INSERT INTO action_lists (asset_id, version, document, saved_at) VALUES ($1, $2, $3, $4)

-- name: user_ids
SELECT id FROM users

-- name: list_ids
SELECT id FROM lists

-- name: team_ids
SELECT id FROM teams

-- name: template_ids
SELECT id FROM templates

-- name: disabled_users
SELECT id FROM users WHERE id = ANY($1::text[]) AND NOT enabled ORDER BY id

-- name: newest_with_pools
-- The newest version of every list that has a pool with this user.
SELECT newest.document
FROM assets
CROSS JOIN LATERAL (
    SELECT document FROM action_lists WHERE asset_id = assets.id ORDER BY version DESC LIMIT 1
) AS newest
WHERE newest.document @> jsonb_build_object('actions', jsonb_build_array(
    jsonb_build_object('params', jsonb_build_object('pool', jsonb_build_array($1::text)))))
ORDER BY assets.id
