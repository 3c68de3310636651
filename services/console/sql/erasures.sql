-- Erasing a prospect. The record's row is locked (prospects.sql) before all but those that say otherwise, and every statement that
-- may meet a writer who comes late stands behind `own`.

-- name: receipt
SELECT * FROM erasures WHERE prospect_id = $1

-- name: write_receipt
INSERT INTO erasures (prospect_id, version, erased_at, erased_by, removed) VALUES ($1, $2, $3, $4, '{}')

-- name: spam_windows
-- Before the record's row: a submission takes the two in this order.
DELETE FROM spam_windows WHERE user_key = (SELECT text_key(email) FROM prospects WHERE id = $1)

-- name: held_submissions
-- Before the record's row, too: confirming takes the two in this order.
DELETE FROM held_submissions
WHERE prospect_id = $1 OR text_key(email) = (SELECT text_key(email) FROM prospects WHERE id = $1)

-- name: lock_letters
-- Before the record's row, too: an executor that carries out a replay does so.
SELECT id FROM dead_letters
WHERE prospect_id = $1::uuid::text OR key = convert_to($1::uuid::text, 'UTF8')
ORDER BY id
FOR UPDATE

-- name: lock_deliveries
-- Before the record's row, too: a worker that carries one out does so. Not those that wait: an executor that ends what they
-- wait for holds the record's row before it takes them.
SELECT command_id FROM deliveries WHERE prospect_id = $1 AND waits = 0 ORDER BY command_id FOR UPDATE

-- name: own
-- Alone: whoever keeps decisions or dead letters shares this lock (migration 0009).
SELECT pg_advisory_xact_lock(hashtextextended('finish.erasures', 0))

-- name: leads
DELETE FROM leads WHERE prospect_id = $1

-- name: tasks
DELETE FROM tasks WHERE prospect_id = $1

-- name: notices
DELETE FROM notices WHERE prospect_id = $1

-- name: mail_digests
DELETE FROM mail_digests WHERE prospect_id = $1

-- name: identities
DELETE FROM prospect_identities WHERE prospect_id = $1

-- name: mails
DELETE FROM mails WHERE prospect_id = $1

-- name: resubscriptions
DELETE FROM resubscriptions WHERE prospect_id = $1

-- name: record
DELETE FROM prospects WHERE id = $1

-- name: commands
-- The row stays, so that the command stays once.
UPDATE command_ledger SET state = 'suppressed', reason = 'erased', error = NULL, next_at = NULL
WHERE prospect_id = $1 AND state IN ('waiting', 'held', 'retrying', 'deferred')

-- name: begun
-- That an attempt was under way stays.
INSERT INTO delivery_attempts (command_id, number, executor, destination, prospect_id, started_at, ended_at, result, error)
SELECT command_id, lease, executor, destination, prospect_id, begun_at, clock_timestamp(), 'uncertain', 'erased meanwhile'
FROM deliveries WHERE prospect_id = $1 AND begun_at IS NOT NULL
ON CONFLICT (command_id, number) DO NOTHING

-- name: deliveries
DELETE FROM deliveries WHERE prospect_id = $1

-- name: requests
DELETE FROM delivery_requests WHERE prospect_id = $1

-- name: attempts
-- That they were made stays; what was answered may tell of the prospect.
UPDATE delivery_attempts SET answer = NULL, reference = NULL
WHERE prospect_id = $1 AND (answer IS NOT NULL OR reference IS NOT NULL)

-- name: decisions
UPDATE decisions SET document = without_values(document) WHERE prospect_id = $1::uuid::text AND document IS NOT NULL

-- name: dead_letters
-- A replay under way ends: the letter has nothing to carry out any more.
UPDATE dead_letters SET key = NULL, value = NULL, replayed_at = NULL
WHERE prospect_id = $1::uuid::text OR key = convert_to($1::uuid::text, 'UTF8')

-- name: replays
-- Before `dead_letters`: a row would be published with its letter's bytes, which are gone then.
DELETE FROM outbox
WHERE aggregatetype = 'replay' AND aggregateid IN (
    SELECT id::text FROM dead_letters
    WHERE (prospect_id = $1::uuid::text OR key = convert_to($1::uuid::text, 'UTF8')) AND replayed_at IS NOT NULL)

-- name: lock_outbox
-- In the order in which the relay deletes them.
SELECT seq FROM outbox
WHERE (aggregatetype = 'interactions' OR aggregatetype LIKE 'commands.%') AND aggregateid = $1::uuid::text
ORDER BY seq FOR UPDATE

-- name: snapshots
DELETE FROM outbox
WHERE aggregatetype = 'interactions' AND aggregateid = $1::uuid::text AND type IN ('snapshot', 'snapshot.executor')

-- name: follow_ups
DELETE FROM outbox WHERE aggregatetype LIKE 'commands.%' AND aggregateid = $1::uuid::text

-- name: write_snapshot
INSERT INTO outbox (aggregatetype, aggregateid, type, payload)
SELECT 'interactions', prospect_id::text, 'snapshot', erased_snapshot(e) FROM erasures e WHERE prospect_id = $1

-- name: interactions
-- What was accepted and is not in the log yet goes behind the erased snapshot, to be decided `erased`, without its data.
WITH waiting AS (
    DELETE FROM outbox
    WHERE aggregatetype = 'interactions' AND aggregateid = $1::uuid::text AND type = 'interaction'
    RETURNING seq, type, payload
)
INSERT INTO outbox (aggregatetype, aggregateid, type, payload)
SELECT 'interactions', $1::uuid::text, type, payload || '{"id": "", "data": {}}' FROM waiting ORDER BY seq

-- name: count
-- What was removed, onto the receipt.
UPDATE erasures SET removed = $2 WHERE prospect_id = $1
