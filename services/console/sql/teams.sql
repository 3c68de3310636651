-- Teams.

-- name: unknown
-- $1 user ids
SELECT id FROM unnest($1::text[]) AS u (id) WHERE NOT EXISTS (SELECT FROM users WHERE users.id = u.id)

-- name: create
INSERT INTO teams (id, name) VALUES ($1, $2)
ON CONFLICT DO NOTHING
RETURNING *

-- name: join
INSERT INTO team_members (team_id, user_id) SELECT $1, id FROM unnest($2::text[]) AS u (id) ON CONFLICT DO NOTHING

-- name: page
SELECT t.*, ARRAY (SELECT user_id FROM team_members m WHERE m.team_id = t.id ORDER BY user_id) AS members
FROM teams t WHERE t.id > $1 ORDER BY t.id LIMIT $2
