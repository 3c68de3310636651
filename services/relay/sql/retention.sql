-- What is deleted because its time is over: rows older than $1, at most $2 at once.

-- name: ledger
-- A dead command's row stays as long as its dead letter: replaying it needs the row.
DELETE FROM command_ledger
WHERE command_id IN (
    SELECT command_id FROM command_ledger AS settled
    WHERE settled_at < $1
      AND state IN ('done', 'no_change', 'suppressed', 'dead', 'uncertain')
      AND NOT (state IN ('dead', 'uncertain') AND EXISTS (SELECT FROM dead_letters WHERE dead_letters.uid = settled.uid))
    LIMIT $2
)

-- name: requests
-- What may be sent still stays: a delivery's, and a dead letter's for its replay.
DELETE FROM delivery_requests
WHERE command_id IN (
    SELECT command_id FROM delivery_requests AS r
    WHERE created_at < $1
      AND NOT EXISTS (SELECT FROM deliveries d WHERE d.command_id = r.command_id)
      AND NOT EXISTS (SELECT FROM command_ledger l JOIN dead_letters b ON b.uid = l.uid
                      WHERE l.command_id = r.command_id AND l.state IN ('dead', 'uncertain'))
    LIMIT $2
)

-- name: attempts
DELETE FROM delivery_attempts
WHERE (command_id, number) IN (
    SELECT command_id, number FROM delivery_attempts AS a
    WHERE started_at < $1 AND NOT EXISTS (SELECT FROM deliveries d WHERE d.command_id = a.command_id)
    LIMIT $2
)

-- name: mails
DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE created_at < $1 ORDER BY created_at LIMIT $2)

-- name: decisions
DELETE FROM decisions
WHERE uid IN (SELECT uid FROM decisions WHERE recordedtime < $1 LIMIT $2)

-- name: ended_letters
DELETE FROM ended_dead_letters
WHERE id IN (SELECT id FROM ended_dead_letters WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)

-- name: dead_letters
DELETE FROM dead_letters
WHERE id IN (SELECT id FROM dead_letters WHERE last_time < $1 ORDER BY last_time LIMIT $2)

-- name: spam_windows
-- A row that is being counted is left alone: locked rows are looked at again, as they are then, by the next run.
DELETE FROM spam_windows
WHERE (address, user_key) IN (
    SELECT address, user_key FROM spam_windows AS old
    WHERE to_timestamp(old.times_ms[cardinality(old.times_ms)] / 1000.0) < $1
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)

-- name: held_submissions
DELETE FROM held_submissions WHERE id IN (SELECT id FROM held_submissions WHERE submitted_at < $1 LIMIT $2)

-- name: form_nonces
DELETE FROM form_nonces WHERE id IN (SELECT id FROM form_nonces WHERE submitted_at < $1 LIMIT $2)
