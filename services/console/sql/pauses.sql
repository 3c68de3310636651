-- What is paused. Executors ask for it themselves.

-- name: pause
INSERT INTO pauses (id, scope, target) VALUES ($1, $2, $3)
ON CONFLICT (scope, target) DO UPDATE SET target = excluded.target
RETURNING *

-- name: page
SELECT * FROM pauses WHERE id > $1 ORDER BY id LIMIT $2

-- name: resume
-- What waited gets its full time again, and a destination is not held for how long it has failed.
WITH gone AS (
    DELETE FROM pauses WHERE id = $1 RETURNING id, scope, target
), patient AS (
    UPDATE deliveries d SET deadline_at = NULL FROM gone g
    WHERE d.waits = 0 AND d.deadline_at IS NOT NULL
      AND ((g.scope = 'type' AND g.target = d.type) OR (g.scope = 'action' AND g.target = d.action)
           OR (g.scope = 'destination' AND g.target = d.executor || ':' || d.destination))
), forgiven AS (
    DELETE FROM failing_destinations f USING gone g
    WHERE g.scope = 'destination' AND g.target = f.executor || ':' || f.destination
)
SELECT id FROM gone

-- name: type_of_action
-- Of an action's newest form, also when the newest list has it no more: commands of it may wait.
SELECT action ->> 'type' AS type
FROM action_lists, jsonb_array_elements(document -> 'actions') AS action
WHERE asset_id = $1 AND action ->> 'id' = $2
ORDER BY version DESC
LIMIT 1
