-- What history keeps. A repeat of a record changes nothing; accepted and decided come in either order. An event that is
-- sent again once it is no repeat any more has the same uid: it takes the place of the one before.

-- name: accepted
-- $7 how much later it was accepted then
INSERT INTO decisions (uid, prospect_id, asset_id, type, recordedtime, position)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[])
ON CONFLICT (uid) DO UPDATE
SET prospect_id = excluded.prospect_id, asset_id = excluded.asset_id, type = excluded.type,
    recordedtime = excluded.recordedtime, position = excluded.position, document = NULL, decided_at = NULL
WHERE decisions.recordedtime <= excluded.recordedtime - $7::interval

-- name: decided
-- $9 how much later
INSERT INTO decisions (uid, prospect_id, asset_id, type, recordedtime, position, document, decided_at)
SELECT *, $8::timestamptz
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::jsonb[])
ON CONFLICT (uid) DO UPDATE
SET prospect_id = excluded.prospect_id, asset_id = excluded.asset_id, type = excluded.type,
    recordedtime = excluded.recordedtime, position = excluded.position,
    document = excluded.document, decided_at = excluded.decided_at
WHERE decisions.document IS NULL OR decisions.recordedtime <= excluded.recordedtime - $9::interval

-- name: dead
-- One that is there already is told by a repeat, which changes nothing, or by a replay that failed: that one died at a
-- later place.
INSERT INTO dead_letters (id, reason, error, topic, partition, "offset", key, value, executor, uid, prospect_id,
                          command_id, attempts, first_time, last_time, cut)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::bigint[], $7::bytea[],
                     $8::bytea[], $9::text[], $10::uuid[], $11::text[], $12::uuid[], $13::integer[],
                     $14::timestamptz[], $15::timestamptz[], $16::boolean[])
ON CONFLICT (id) DO UPDATE
SET reason = excluded.reason, error = excluded.error, partition = excluded.partition, "offset" = excluded."offset",
    attempts = dead_letters.attempts + 1, last_time = excluded.last_time, replayed_at = NULL
WHERE dead_letters.replayed_at IS NOT NULL
  AND (dead_letters.partition <> excluded.partition OR dead_letters."offset" < excluded."offset")
RETURNING reason

-- name: settled
-- Their replays were carried out.
DELETE FROM dead_letters WHERE id = ANY($1::uuid[])
