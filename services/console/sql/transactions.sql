-- Settings local to the transaction, which the record's trigger reads.

-- name: name_writer
SELECT set_config('finish.writer', $1, true), set_config('finish.now', $2, true)
