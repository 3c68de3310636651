-- Deliveries that another system carries out: leased, tried outside of any transaction, and settled by whoever holds the lease.

-- name: destinations
-- Where something is due. Each destination is met by one step along the index, however much waits there.
-- $1 executor, $2 instant, $3 destinations that are not ours
WITH RECURSIVE lane AS (
    (SELECT destination FROM deliveries WHERE executor = $1 AND waits = 0 ORDER BY destination LIMIT 1)
    UNION ALL
    SELECT (SELECT d.destination FROM deliveries d
            WHERE d.executor = $1 AND d.waits = 0 AND d.destination > lane.destination
            ORDER BY d.destination LIMIT 1)
    FROM lane WHERE lane.destination IS NOT NULL
)
SELECT lane.destination FROM lane
WHERE lane.destination <> ALL ($3::text[])
  AND EXISTS (SELECT FROM deliveries d
              WHERE d.executor = $1 AND d.destination = lane.destination AND d.waits = 0 AND d.due_at <= $2)
  AND NOT EXISTS (SELECT FROM pauses p WHERE p.scope = 'destination' AND p.target = $1 || ':' || lane.destination);

-- name: take
-- Locks what is due, oldest first, and leaves to others what they hold. A row that is paused stays. An attempt that nobody has
-- ended is written down as such.
-- $1 executor, $2 destinations, $3 how many of each at most, $4 instant
WITH due AS MATERIALIZED (
    SELECT t.*
    FROM unnest($2::text[], $3::integer[]) AS w (destination, room)
    CROSS JOIN LATERAL (
        SELECT d.* FROM deliveries d
        WHERE d.executor = $1 AND d.destination = w.destination AND d.waits = 0 AND d.due_at <= $4
          AND NOT EXISTS (
              SELECT FROM pauses p
              WHERE (p.scope = 'type' AND p.target = d.type) OR (p.scope = 'action' AND p.target = d.action)
                 OR (p.scope = 'destination' AND p.target = d.executor || ':' || d.destination))
        ORDER BY d.due_at
        LIMIT w.room
        FOR UPDATE OF d SKIP LOCKED
    ) AS t
), unknown AS (
    INSERT INTO delivery_attempts (command_id, number, executor, destination, prospect_id, started_at, ended_at, result, error)
    SELECT command_id, lease, executor, destination, prospect_id, begun_at, $4, 'uncertain', 'ended by nobody'
    FROM due WHERE begun_at IS NOT NULL
    ON CONFLICT (command_id, number) DO UPDATE
    SET ended_at = excluded.ended_at, result = excluded.result, error = excluded.error
)
SELECT d.*, coalesce(d.request, (SELECT r.request FROM delivery_requests r WHERE r.command_id = d.command_id)) AS rendered
FROM due d;

-- name: seen
-- Gives what is due for the first time its deadline.
-- $1 executor, $2 instant, $3 deadline, $4 destinations that are not ours
UPDATE deliveries d SET deadline_at = $3
WHERE d.executor = $1 AND d.waits = 0 AND d.deadline_at IS NULL AND d.due_at <= $2 AND d.destination <> ALL ($4::text[]);

-- name: expired
-- Locks what is beyond its deadline, unless it is paused or being tried at this moment.
-- $1 executor, $2 instant, $3 how many at most
SELECT d.*, d.request AS rendered FROM deliveries d
WHERE d.executor = $1 AND d.waits = 0 AND d.deadline_at <= $2 AND NOT (d.begun_at IS NOT NULL AND d.due_at > $2)
  AND NOT EXISTS (
      SELECT FROM pauses p
      WHERE (p.scope = 'type' AND p.target = d.type) OR (p.scope = 'action' AND p.target = d.action)
         OR (p.scope = 'destination' AND p.target = d.executor || ':' || d.destination))
ORDER BY d.deadline_at
LIMIT $3
FOR UPDATE OF d SKIP LOCKED;

-- name: begin
-- Leases what is tried from now on, with the request that it sends.
-- $1 command ids, $2 leases, $3 attempts before, $4 deadlines, $5 requests, $6 instant, $7 end of the leases
UPDATE deliveries d
SET due_at = $7, lease = b.lease, begun_at = $6, attempts = b.attempts, deadline_at = b.deadline, request = b.request
FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::timestamptz[], $5::bytea[])
    AS b (command_id, lease, attempts, deadline, request)
WHERE d.command_id = b.command_id;

-- name: put_off
-- $1 command ids, $2 due at
WITH later AS (
    UPDATE deliveries d
    SET due_at = l.due_at, deadline_at = NULL, begun_at = NULL, attempts = d.attempts + (d.begun_at IS NOT NULL)::integer
    FROM unnest($1::uuid[], $2::timestamptz[]) AS l (command_id, due_at)
    WHERE d.command_id = l.command_id
    RETURNING d.command_id, d.due_at
)
UPDATE command_ledger c SET state = 'deferred', next_at = l.due_at FROM later l WHERE c.command_id = l.command_id;

-- name: mine
-- $1 command ids, $2 leases
SELECT d.command_id FROM deliveries d
JOIN unnest($1::uuid[], $2::integer[]) AS t (command_id, lease) ON t.command_id = d.command_id AND t.lease = d.lease
ORDER BY d.command_id
FOR UPDATE OF d;

-- name: ended
-- Lets go what is over. A dead one's request stays, for its replay sends the same.
-- $1 command ids, $2 those that leave a dead letter
WITH kept AS (
    INSERT INTO delivery_requests (command_id, prospect_id, request)
    SELECT command_id, prospect_id, request FROM deliveries WHERE command_id = ANY ($2::uuid[]) AND request IS NOT NULL
    ON CONFLICT (command_id) DO NOTHING
), sent AS (
    DELETE FROM delivery_requests WHERE command_id = ANY ($1::uuid[]) AND command_id <> ALL ($2::uuid[])
)
DELETE FROM deliveries WHERE command_id = ANY ($1::uuid[]);

-- name: attempts
-- What came of attempts that are under way: nothing is written of others.
-- $1 command ids, $2 numbers, $3 results, $4 statuses, $5 errors, $6 answers, $7 references, $8 instant
INSERT INTO delivery_attempts (command_id, number, executor, destination, prospect_id, started_at, ended_at, result, status,
                               error, answer, reference)
SELECT d.command_id, d.lease, d.executor, d.destination, d.prospect_id, d.begun_at, $8, e.result, e.status, e.error, e.answer,
       e.reference
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
    AS e (command_id, number, result, status, error, answer, reference)
JOIN deliveries d ON d.command_id = e.command_id AND d.lease = e.number
WHERE d.begun_at IS NOT NULL
ON CONFLICT (command_id, number) DO UPDATE
SET ended_at = excluded.ended_at, result = excluded.result, status = excluded.status, error = excluded.error,
    answer = excluded.answer, reference = excluded.reference;

-- name: again
-- $1 command ids, $2 leases, $3 attempts, $4 deadlines, $5 due at, $6 errors
WITH later AS (
    UPDATE deliveries d
    SET due_at = l.due_at, lease = l.lease, attempts = l.attempts, deadline_at = l.deadline, begun_at = NULL
    FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::timestamptz[], $5::timestamptz[])
        AS l (command_id, lease, attempts, deadline, due_at)
    WHERE d.command_id = l.command_id
)
UPDATE command_ledger c SET state = 'retrying', next_at = l.due_at, error = l.error, attempts = c.attempts + 1
FROM unnest($1::uuid[], $5::timestamptz[], $6::text[]) AS l (command_id, due_at, error)
WHERE c.command_id = l.command_id;

-- name: well
-- $1 executor, $2 destinations
DELETE FROM failing_destinations WHERE executor = $1 AND destination = ANY ($2::text[]);

-- name: failing
-- $1 executor, $2 destinations, $3 instant
INSERT INTO failing_destinations (executor, destination, since)
SELECT $1, d.destination, $3 FROM unnest($2::text[]) AS d (destination) ORDER BY d.destination
ON CONFLICT (executor, destination) DO NOTHING;

-- name: disable
-- Pauses destinations: those that are gone, and those that have failed since long ago.
-- $1 executor, $2 destinations that are gone, $3 destinations that fail, $4 failing since when at the latest, or null
INSERT INTO pauses (id, scope, target, reason)
SELECT 'auto-' || md5(o.destination), 'destination', $1 || ':' || o.destination, o.reason
FROM (
    SELECT g.destination, 'it asked not to be called again (410)' AS reason FROM unnest($2::text[]) AS g (destination)
    UNION
    SELECT f.destination, 'it has failed for too long'
    FROM failing_destinations f
    WHERE f.executor = $1 AND f.destination = ANY ($3::text[]) AND f.since <= $4
) AS o
ON CONFLICT (scope, target) DO NOTHING
RETURNING target;
