-- The transaction around a batch: which commands are new, which rows are theirs, how they ended.

-- name: open
-- Says who writes, for the trigger that makes snapshots, and when: the process may run on another clock than the
-- database. Both hold for this transaction.
-- $1 instant
SELECT set_config('finish.writer', 'executor', true), set_config('finish.now', $1::timestamptz::text, true);

-- name: claim
-- Takes the commands that were never taken; one that waits was not tried yet. Each is written as it mostly is in the end: how the others ended is written by
-- `end`, in the same transaction. A row that another transaction is about to write is waited for, and rows are written
-- in the order of their ids, so two batches with the same commands wait for each other but seldom deadlock.
-- An event that is sent again once it is no repeat any more has the same ids: its command is new when it was accepted that
-- much later than the one in the ledger.
-- $1 command ids, $2 uids, $3 prospect ids, $4 action ids, $5 types, $6 recorded times, $7 executor, $8 how much later,
-- $9 state
INSERT INTO command_ledger (command_id, uid, prospect_id, action_id, executor, type, state, attempts, recordedtime)
SELECT c.command_id, c.uid, c.prospect_id, c.action_id, $7, c.type, $9, ($9 <> 'waiting')::integer, c.recordedtime
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[])
    AS c (command_id, uid, prospect_id, action_id, type, recordedtime)
ORDER BY c.command_id
ON CONFLICT (command_id) DO UPDATE
SET executor = excluded.executor, type = excluded.type, state = excluded.state, reason = NULL, error = NULL,
    attempts = excluded.attempts, recordedtime = excluded.recordedtime, settled_at = clock_timestamp()
WHERE command_ledger.prospect_id = excluded.prospect_id
  AND command_ledger.recordedtime <= excluded.recordedtime - $8::interval
RETURNING command_id;

-- name: owners
-- Whose the commands are that were taken before.
-- $1 command ids
SELECT command_id, prospect_id FROM command_ledger WHERE command_id = ANY ($1::uuid[]);

-- name: asked
-- Which dead letters are to be replayed still. Whoever deletes one, or carries it out, holds the same lock.
-- $1 letter ids
SELECT id FROM dead_letters WHERE id = ANY ($1::uuid[]) AND replayed_at IS NOT NULL ORDER BY id FOR UPDATE;

-- name: revive
-- Takes commands again that are dead or uncertain, in the state of those that are claimed.
-- $1 command ids, $2 prospect ids, $3 state
UPDATE command_ledger AS l
SET state = $3, reason = NULL, error = NULL, attempts = l.attempts + ($3 <> 'waiting')::integer, settled_at = clock_timestamp()
FROM unnest($1::uuid[], $2::uuid[]) AS c (command_id, prospect_id)
WHERE l.command_id = c.command_id AND l.prospect_id = c.prospect_id AND l.state IN ('dead', 'uncertain')
RETURNING l.command_id;

-- name: forget
-- $1 letter ids
DELETE FROM dead_letters WHERE id = ANY ($1::uuid[]);

-- name: lock
-- Locks the rows that a batch may change, always in the same order, and says which exist.
-- $1 prospect ids
SELECT id FROM prospects WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE;

-- name: share
-- The same for whoever changes nothing of a record but needs it to be there until the end: an erasure queues up.
-- $1 prospect ids
SELECT id FROM prospects WHERE id = ANY ($1::uuid[]) ORDER BY id FOR KEY SHARE;

-- name: release
-- Lets go what waits for commands that have ended.
-- $1 command ids, $2 whether dead
SELECT release_deliveries($1::uuid[], $2::boolean[]);

-- name: erased
-- Which prospects were erased. A statement of its own, behind `lock`: an erasure that `lock` has waited for is seen.
-- $1 prospect ids
SELECT prospect_id FROM erasures WHERE prospect_id = ANY ($1::uuid[]);

-- name: end
-- Writes how commands ended that are not done. Attempts of a revived one add up.
-- $1 command ids, $2 states, $3 reasons, $4 errors, $5 attempts
UPDATE command_ledger AS l
SET state = e.state, reason = e.reason, error = e.error, attempts = l.attempts + e.attempts - 1
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::integer[])
    AS e (command_id, state, reason, error, attempts)
WHERE l.command_id = e.command_id;

-- name: bury
-- Keeps what could not be carried out. A record that is read again is the same dead letter; a replay that failed is it,
-- too, with one attempt more, and died at a later place.
-- $1 ids, $2 reasons, $3 errors, $4 topics, $5 partitions, $6 offsets, $7 keys, $8 values, $9 uids, $10 prospect ids,
-- $11 command ids, $12 attempts, $13 whether cut, $14 executor, $15 instant
INSERT INTO dead_letters AS old (id, reason, error, topic, partition, "offset", key, value, uid, prospect_id, command_id,
                                 attempts, cut, executor, first_time, last_time)
SELECT d.id, d.reason, d.error, d.topic, d.partition, d."offset", d.key, d.value, d.uid, d.prospect_id, d.command_id,
       d.attempts, d.cut, $14, $15, $15
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::bytea[], $8::bytea[],
            $9::uuid[], $10::text[], $11::uuid[], $12::integer[], $13::boolean[])
    AS d (id, reason, error, topic, partition, "offset", key, value, uid, prospect_id, command_id, attempts, cut)
ON CONFLICT (id) DO UPDATE
SET reason = excluded.reason, error = excluded.error, partition = excluded.partition, "offset" = excluded."offset",
    uid = excluded.uid, prospect_id = excluded.prospect_id, command_id = excluded.command_id,
    attempts = old.attempts + excluded.attempts, last_time = excluded.last_time, replayed_at = NULL
WHERE old.replayed_at IS NOT NULL
  AND (old.partition <> excluded.partition OR old."offset" < excluded."offset");
