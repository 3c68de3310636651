-- Tasks. A statement carries out one delivery: $1 command id, $2 prospect id, $3 operands. It returns one row: how the command
-- ended and why.

-- name: create_crm_task
-- operands: title, body, due_at, assignee, fallback, priority, dedupe_key
WITH asked AS (
    SELECT $3::jsonb AS o
), person AS (
    SELECT u.id FROM asked, users u
    WHERE u.enabled AND u.id IN (asked.o ->> 'assignee', asked.o ->> 'fallback')
    ORDER BY u.id = asked.o ->> 'assignee' DESC
    LIMIT 1
), created AS (
    INSERT INTO tasks (id, prospect_id, lead_id, title, body, due_at, assignee, priority, dedupe_key)
    SELECT $1::uuid, p.id, p.lead_id, o ->> 'title', o ->> 'body', (o ->> 'due_at')::timestamptz, person.id,
           o ->> 'priority', o ->> 'dedupe_key'
    FROM asked, person, prospects p WHERE p.id = $2::uuid
    ON CONFLICT (prospect_id, dedupe_key) WHERE status = 'open' AND dedupe_key IS NOT NULL DO NOTHING
    RETURNING id
)
SELECT CASE WHEN EXISTS (SELECT FROM created) THEN 'done' ELSE 'suppressed' END AS state,
       CASE WHEN NOT EXISTS (SELECT FROM person) THEN 'no_recipient'
            WHEN NOT EXISTS (SELECT FROM created) THEN 'duplicate' END AS reason;

-- name: push
-- Tells the workspace's CRM, if there is one.
-- $1 ids of commands that are done
SELECT push_to_crm('task', $1::uuid[]);
