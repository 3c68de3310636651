-- What actions made, newest first, and what is still to be delivered, next first.

-- name: leads
SELECT * FROM leads
WHERE ($1::uuid IS NULL OR prospect_id = $1)
  AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
ORDER BY created_at DESC, id DESC
LIMIT $4

-- name: tasks
SELECT * FROM tasks
WHERE ($1::uuid IS NULL OR prospect_id = $1)
  AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
ORDER BY created_at DESC, id DESC
LIMIT $4

-- name: resubscriptions
SELECT * FROM resubscriptions
WHERE ($1::uuid IS NULL OR prospect_id = $1)
  AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
ORDER BY created_at DESC, id DESC
LIMIT $4

-- name: notices
SELECT id, command_id, prospect_id, user_id AS user, subject, text, count, created_at, read_at FROM notices
WHERE ($1::uuid IS NULL OR prospect_id = $1)
  AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
  AND ($5::text IS NULL OR user_id = $5)
ORDER BY created_at DESC, id DESC
LIMIT $4

-- name: read_notice
-- The first reading counts.
UPDATE notices SET read_at = coalesce(read_at, $2) WHERE id = $1
RETURNING id, command_id, prospect_id, user_id AS user, subject, text, count, created_at, read_at

-- name: deliveries
-- What is on its way, and, of a command or prospect that is asked for, what has arrived.
-- $1 command, $2 prospect, $3 executor, $4 and $5 the last one shown, $6 how many, $7 the executors that deliver
WITH found AS (
    SELECT d.command_id, d.prospect_id, d.executor, d.destination, d.type, d.action, l.state, d.due_at, l.attempts, l.error,
           ARRAY (SELECT after_id FROM delivery_waits w WHERE w.command_id = d.command_id ORDER BY after_id) AS waits_for
    FROM deliveries d JOIN command_ledger l ON l.command_id = d.command_id
    WHERE ($1::uuid IS NULL OR d.command_id = $1)
      AND ($2::uuid IS NULL OR d.prospect_id = $2)
    UNION ALL
    SELECT l.command_id, l.prospect_id, l.executor, a.destination, l.type, l.action_id, l.state, l.settled_at, l.attempts,
           l.error, ARRAY[]::uuid[]
    FROM command_ledger l
    LEFT JOIN LATERAL (SELECT destination FROM delivery_attempts a WHERE a.command_id = l.command_id LIMIT 1) a ON true
    WHERE (l.command_id = $1 OR ($1 IS NULL AND l.prospect_id = $2)) AND ($2::uuid IS NULL OR l.prospect_id = $2)
      AND l.executor = ANY ($7::text[]) AND (a.destination IS NOT NULL OR l.command_id = $1)
      AND NOT EXISTS (SELECT FROM deliveries d WHERE d.command_id = l.command_id)
)
SELECT f.*, coalesce((
    SELECT jsonb_agg(jsonb_build_object('number', a.number, 'started_at', a.started_at, 'ended_at', a.ended_at,
                                        'result', a.result, 'status', a.status, 'error', a.error, 'answer', a.answer,
                                        'reference', a.reference) ORDER BY a.number)
    FROM (
        SELECT number, started_at, ended_at, result, status, error, answer, reference FROM delivery_attempts
        WHERE command_id = f.command_id
        UNION ALL
        SELECT lease, begun_at, NULL, 'started', NULL, NULL, NULL, NULL FROM deliveries
        WHERE command_id = f.command_id AND begun_at IS NOT NULL
    ) AS a), '[]') AS history
FROM found f
WHERE ($3::text IS NULL OR f.executor = $3)
  AND ($4::timestamptz IS NULL OR (f.due_at, f.command_id) > ($4, $5::uuid))
ORDER BY f.due_at, f.command_id
LIMIT $6
