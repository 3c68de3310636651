-- Dead letters, newest first.

-- name: page
SELECT id, reason, error, topic, partition, "offset", executor, uid, prospect_id, command_id, attempts,
       first_time, last_time, coalesce(octet_length(value), 0) AS size_bytes
FROM dead_letters
WHERE ($1::text IS NULL OR executor = $1)
  AND ($2::text IS NULL OR reason = $2)
  AND ($3::timestamptz IS NULL OR (last_time, id) < ($3, $4::uuid))
ORDER BY last_time DESC, id DESC
LIMIT $5
