-- What is paused. Executors ask for it themselves.

-- name: pause
INSERT INTO pauses (id, scope, target) VALUES ($1, $2, $3)
ON CONFLICT (scope, target) DO UPDATE SET target = excluded.target
RETURNING *

-- name: page
SELECT * FROM pauses WHERE id > $1 ORDER BY id LIMIT $2

-- name: resume
DELETE FROM pauses WHERE id = $1 RETURNING id

-- name: type_of_action
-- Of an action's newest form, also when the newest list has it no more: commands of it may wait.
SELECT action ->> 'type' AS type
FROM action_lists, jsonb_array_elements(document -> 'actions') AS action
WHERE asset_id = $1 AND action ->> 'id' = $2
ORDER BY version DESC
LIMIT 1
