-- Templates of mails: list e-mails that have what a mail needs.

-- name: put
-- $1 id, $2 HTML made ready, $3 text made ready
INSERT INTO templates (id, html_ready, text_ready) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE
SET version = templates.version + 1, html_ready = excluded.html_ready, text_ready = excluded.text_ready,
    updated_at = clock_timestamp()

-- name: write_from
-- $1 id, $2 sender, $3 whom answers go to
UPDATE templates SET sender = $2, reply_to = $3 WHERE id = $1

-- name: read
SELECT a.id, a.name, a.status, a.created_at, a.settings, t.version, t.sender, t.reply_to, t.html_ready, t.text_ready,
       t.updated_at
FROM templates t JOIN assets a ON a.id = t.id
WHERE t.id = $1

-- name: page
SELECT a.id, a.name, a.status, a.created_at, a.settings ->> 'subject' AS subject, t.version, t.sender, t.reply_to, t.updated_at
FROM templates t JOIN assets a ON a.id = t.id
WHERE t.id > $1 ORDER BY t.id LIMIT $2

-- name: exists
SELECT EXISTS (SELECT FROM templates WHERE id = $1)
