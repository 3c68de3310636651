-- Dead letters: listed newest first, replayed and deleted oldest first.

-- name: page
SELECT id, reason, error, topic, partition, "offset", executor, uid, prospect_id, command_id, attempts,
       first_time, last_time, replayed_at, coalesce(octet_length(value), 0) AS size_bytes
FROM dead_letters
WHERE ($1::text IS NULL OR executor = $1)
  AND ($2::text IS NULL OR reason = $2)
  AND ($3::text IS NULL OR topic = $3)
  AND ($4::text IS NULL OR prospect_id = $4)
  AND ($5::timestamptz IS NULL OR (last_time, id) < ($5, $6::uuid))
ORDER BY last_time DESC, id DESC
LIMIT $7

-- name: one
SELECT id, reason, error, topic, partition, "offset", executor, uid, prospect_id, command_id, attempts,
       first_time, last_time, replayed_at, coalesce(octet_length(value), 0) AS size_bytes,
       key, value, cut, dead_letter_refusal(letter) AS refusal
FROM dead_letters AS letter
WHERE id = $1

-- name: lock
-- Waits for whoever carries it out at this moment.
SELECT id, topic, reason, command_id, dead_letter_refusal(letter) AS refusal
FROM dead_letters AS letter
WHERE id = $1
FOR UPDATE

-- name: chosen
-- The oldest that match, each prospect's in the order of its log; to be replayed ($5) only those that can be and for which
-- it was not asked yet, of those that may have been carried out already only when these are named. What somebody holds is being
-- carried out or deleted: it is left out.
SELECT id, topic, reason, command_id
FROM dead_letters AS letter
WHERE ($1::text IS NULL OR executor = $1)
  AND ($2::text IS NULL OR reason = $2)
  AND ($3::text IS NULL OR topic = $3)
  AND ($4::text IS NULL OR prospect_id = $4)
  AND (NOT $5::boolean OR (replayed_at IS NULL AND dead_letter_refusal(letter) IS NULL
                           AND (reason <> 'uncertain' OR $2 = 'uncertain')))
ORDER BY first_time, partition, "offset", id
LIMIT $6
FOR UPDATE SKIP LOCKED

-- name: ask
-- $2 instant
UPDATE dead_letters SET replayed_at = $2 WHERE id = ANY($1::uuid[])

-- name: enqueue
-- In the order given. Asked for twice it is published twice, and carried out once.
INSERT INTO outbox (aggregatetype, aggregateid, type, payload)
SELECT 'replay', letter.id::text, 'replay', '{}'
FROM unnest($1::uuid[]) WITH ORDINALITY AS letter (id, nth)
ORDER BY letter.nth

-- name: depend
-- What is held behind dead commands that nobody will replay any more is never carried out.
-- $1 command ids
WITH gone AS (
    DELETE FROM deliveries d USING delivery_waits w
    WHERE w.after_id = ANY($1::uuid[]) AND w.dead AND d.command_id = w.command_id
    RETURNING d.command_id
)
UPDATE command_ledger l
SET state = 'suppressed', reason = 'dependency', error = NULL, next_at = NULL, settled_at = clock_timestamp()
FROM gone g WHERE l.command_id = g.command_id

-- name: delete
DELETE FROM dead_letters WHERE id = ANY($1::uuid[])
