-- Submissions that wait until their address is confirmed.

-- name: known
SELECT EXISTS (SELECT FROM prospects WHERE text_key(email) = text_key($1))

-- name: alone
-- Locks until the end who counts the mails of an address and of a form; everybody in this order.
SELECT pg_advisory_xact_lock(hashtextextended('finish.confirming.address/' || text_key($1), 0)),
       pg_advisory_xact_lock(hashtextextended('finish.confirming.form/' || $2, 0))

-- name: waiting
-- Whose record the address is to become, and when its last mail leaves.
SELECT (array_agg(prospect_id ORDER BY submitted_at, id))[1] AS prospect_id, max(mailed_at) AS mailed_at
FROM held_submissions
WHERE text_key(email) = text_key($1)
HAVING count(*) > 0

-- name: room
-- When the form's last mail but $2 leaves.
SELECT mailed_at FROM held_submissions
WHERE form_id = $1 AND mailed_at IS NOT NULL
ORDER BY mailed_at DESC
OFFSET $2
LIMIT 1

-- name: hold
INSERT INTO held_submissions (id, form_id, email, prospect_id, "values", data, submitted_at, mailed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: command
INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('commands.email', $1, 'confirmation', $2)

-- name: take
-- All of the address of one of them: who comes second finds none.
WITH taken AS (
    DELETE FROM held_submissions
    WHERE text_key(email) = (SELECT text_key(email) FROM held_submissions WHERE id = $1)
    RETURNING *
)
SELECT * FROM taken ORDER BY submitted_at, id

-- name: grant
-- Who has left, or where no mail arrives, is not brought back by it.
UPDATE prospects SET consent = 'granted' WHERE id = $1 AND consent = 'none'
