-- Record hooks, as the console keeps them.

-- name: find
SELECT id, records, external_id, email, opted_out, mapping FROM record_hooks WHERE id = $1
