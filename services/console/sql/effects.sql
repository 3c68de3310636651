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

-- name: notices
SELECT id, command_id, prospect_id, user_id AS user, subject, text, created_at, read_at FROM notices
WHERE ($1::uuid IS NULL OR prospect_id = $1)
  AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
  AND ($5::text IS NULL OR user_id = $5)
ORDER BY created_at DESC, id DESC
LIMIT $4

-- name: read_notice
-- The first reading counts.
UPDATE notices SET read_at = coalesce(read_at, $2) WHERE id = $1
RETURNING id, command_id, prospect_id, user_id AS user, subject, text, created_at, read_at

-- name: deliveries
SELECT d.command_id, d.prospect_id, d.executor, d.destination, d.type, d.action, l.state, d.due_at, l.attempts, l.error,
       ARRAY (SELECT after_id FROM delivery_waits w WHERE w.command_id = d.command_id ORDER BY after_id) AS waits_for
FROM deliveries d JOIN command_ledger l ON l.command_id = d.command_id
WHERE ($1::uuid IS NULL OR d.command_id = $1)
  AND ($2::uuid IS NULL OR d.prospect_id = $2)
  AND ($3::text IS NULL OR d.executor = $3)
  AND ($4::timestamptz IS NULL OR (d.due_at, d.command_id) > ($4, $5::uuid))
ORDER BY d.due_at, d.command_id
LIMIT $6
