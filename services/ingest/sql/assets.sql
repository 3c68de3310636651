-- Assets and the newest versions of their lists, as the log would tell them.

-- name: read
SELECT kind, status, settings,
       (SELECT coalesce(max(version), 0) FROM action_lists WHERE asset_id = assets.id) AS version,
       (SELECT coalesce(max(version), 0) FROM action_lists WHERE asset_id = 'prospect') AS prospect_version
FROM assets
WHERE id = $1
