-- The advisory lock of the one relay that publishes. It lasts as long as its connection.

-- name: acquire
SELECT pg_try_advisory_lock(hashtextextended('finish.relay', 0))

-- name: held
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
)
