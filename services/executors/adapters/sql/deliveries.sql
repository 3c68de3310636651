-- The work of outside commands: kept by the intake, taken by workers when it is due and nothing holds it.

-- name: deliver
-- Keeps deliveries, and what they wait for: the commands ahead of them that have not ended, or are dead and hold them. One that
-- ends at this moment is met by `unresolved`. One that is there already, of an event that was sent again while its command was
-- deferred for longer than repeats are known, stays as it is. Its leases count on from those of an earlier delivery of the command,
-- whose workers may still be at it.
-- $1 command ids, $2 executor, $3 destinations, $4 types, $5 actions, $6 prospect ids, $7 topics, $8 partitions, $9 offsets,
-- $10 keys, $11 values, $12 dead letters that they are the replay of, $13 not before, $14 what they come after, $15 instant
WITH delivery AS (
    SELECT *
    FROM unnest($1::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::integer[], $9::bigint[],
                $10::bytea[], $11::bytea[], $12::uuid[], $13::timestamptz[], $14::jsonb[])
        AS d (command_id, destination, type, action, prospect_id, topic, partition, "offset", key, value, replay_of,
              not_before, after)
), wait AS (
    SELECT d.command_id, a.id::uuid AS after_id, a.on_failure = 'hold' AS hold, coalesce(l.state = 'dead', false) AS dead
    FROM delivery d
    CROSS JOIN LATERAL jsonb_each_text(d.after) AS a (id, on_failure)
    LEFT JOIN command_ledger l ON l.command_id = a.id::uuid
    WHERE NOT coalesce(l.state IN ('done', 'no_change', 'suppressed') OR (l.state = 'dead' AND a.on_failure = 'continue'),
                       false)
), kept AS (
    INSERT INTO deliveries (command_id, executor, destination, type, action, prospect_id, topic, partition, "offset", key,
                            value, replay_of, due_at, waits, held, lease)
    SELECT d.command_id, $2, d.destination, d.type, d.action, d.prospect_id, d.topic, d.partition, d."offset", d.key,
           d.value, d.replay_of, greatest(d.not_before, $15::timestamptz), count(w.after_id),
           count(w.after_id) FILTER (WHERE w.dead),
           (SELECT coalesce(max(a.number), 0) FROM delivery_attempts a WHERE a.command_id = d.command_id)
    FROM delivery d LEFT JOIN wait w ON w.command_id = d.command_id
    GROUP BY d.command_id, d.destination, d.type, d.action, d.prospect_id, d.topic, d.partition, d."offset", d.key, d.value,
             d.replay_of, d.not_before
    ON CONFLICT (command_id) DO NOTHING
    RETURNING command_id, due_at, held
), waiting AS (
    INSERT INTO delivery_waits (after_id, command_id, hold, dead)
    SELECT w.after_id, w.command_id, w.hold, w.dead FROM wait w JOIN kept k ON k.command_id = w.command_id
)
UPDATE command_ledger l
SET state = CASE WHEN k.held > 0 THEN 'held' ELSE 'deferred' END, next_at = k.due_at
FROM kept k
WHERE l.command_id = k.command_id AND (k.held > 0 OR k.due_at > $15::timestamptz);

-- name: unresolved
-- Commands that have ended while somebody waits for them still: the intake and whoever ended them did not see each other.
-- $1 these commands only, or null, $2 how many at most
SELECT w.after_id, bool_or(l.state = 'dead') AS dead
FROM delivery_waits w JOIN command_ledger l ON l.command_id = w.after_id
WHERE ($1::uuid[] IS NULL OR w.after_id = ANY ($1))
  AND (l.state IN ('done', 'no_change', 'suppressed') OR (l.state = 'dead' AND NOT w.dead))
GROUP BY w.after_id
LIMIT $2;

-- name: due
-- Takes what is due, oldest first, and leaves to others what they hold. A row that is paused stays.
-- $1 executor, $2 destination, $3 instant, $4 how many at most
SELECT d.* FROM deliveries d
WHERE d.executor = $1 AND d.destination = $2 AND d.waits = 0 AND d.due_at <= $3
  AND NOT EXISTS (
      SELECT FROM pauses p
      WHERE (p.scope = 'type' AND p.target = d.type) OR (p.scope = 'action' AND p.target = d.action)
         OR (p.scope = 'destination' AND p.target = d.executor || ':' || d.destination))
ORDER BY d.due_at
LIMIT $4
FOR UPDATE OF d SKIP LOCKED;

-- name: held
-- Of whom submissions wait until their address is confirmed.
-- $1 prospect ids
SELECT DISTINCT prospect_id FROM held_submissions WHERE prospect_id = ANY ($1::uuid[]);

-- name: prospects
-- The records of these prospects, kept from being erased until the end.
-- $1 prospect ids
SELECT p.id, prospect_values(p) AS prospect,
       (SELECT jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email) FROM users u WHERE u.id = p.owner) AS owner
FROM prospects p WHERE p.id = ANY ($1::uuid[])
ORDER BY p.id
FOR KEY SHARE OF p;

-- name: over
-- $1 command ids
DELETE FROM deliveries WHERE command_id = ANY ($1::uuid[]);

-- name: end
-- How commands ended, each with the attempts that it took since the last.
-- $1 command ids, $2 states, $3 reasons, $4 errors, $5 attempts
UPDATE command_ledger l
SET state = e.state, reason = e.reason, error = e.error, attempts = l.attempts + e.attempts, next_at = NULL,
    settled_at = clock_timestamp()
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::integer[])
    AS e (command_id, state, reason, error, attempts)
WHERE l.command_id = e.command_id;

-- name: retry
-- $1 command id, $2 due at, $3 error
WITH later AS (
    UPDATE deliveries SET due_at = $2, attempts = attempts + 1 WHERE command_id = $1
)
UPDATE command_ledger SET state = 'retrying', next_at = $2, error = $3, attempts = attempts + 1 WHERE command_id = $1;
