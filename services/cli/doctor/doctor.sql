-- What the doctor asks the database. Nothing is written.

-- name: server
SELECT split_part(current_setting('server_version'), ' ', 1) AS version, clock_timestamp() AS now

-- name: migrated
SELECT to_regclass('schema_migrations') IS NOT NULL

-- name: migrations
SELECT version FROM schema_migrations

-- name: outbox
-- How many rows wait, counted up to $1, and how long the oldest has waited.
SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS counted) AS waiting,
       coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at) FROM outbox ORDER BY seq LIMIT 1), 0)::float8
           AS age_s

-- name: dead_letters
SELECT count(*) FROM (SELECT FROM dead_letters LIMIT $1) AS counted

-- name: steps
-- Of which versions of the machine the decisions of the last quarter of an hour are, looking at $1 of them.
SELECT DISTINCT step FROM (
    SELECT (document ->> 'step_version')::integer AS step FROM decisions
    WHERE recordedtime > clock_timestamp() - interval '15 minutes' AND document IS NOT NULL LIMIT $1
) AS counted
