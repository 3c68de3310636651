-- What is paused.

-- name: types
SELECT target FROM pauses WHERE scope = 'type';
