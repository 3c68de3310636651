-- A function's answer, written into the record as another writer's change.

-- name: own_fields
SELECT name, type, options FROM fields;

-- name: lock
-- $1 prospect id
SELECT fields FROM prospects WHERE id = $1 FOR UPDATE;

-- name: as
-- Who writes the next change, how deep it lies in a chain of causes, and which interaction began it.
-- $1 writer, $2 depth, $3 interaction
SELECT set_config('finish.writer', $1, true), set_config('finish.depth', $2, true), set_config('finish.caused_by', $3, true);

-- name: write
-- $1 prospect id, $2 fields
UPDATE prospects SET fields = $2 WHERE id = $1;
