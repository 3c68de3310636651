-- List e-mails on their way to the members of a list.

-- name: next
-- Puts the commands for the next $1 members of the oldest unfinished send into the outbox, and returns how many these are; no row:
-- nothing is to be sent.
-- $2 instant
WITH send AS MATERIALIZED (
    SELECT * FROM list_sends WHERE queued_at IS NULL ORDER BY created_at, id LIMIT 1 FOR UPDATE
), member AS MATERIALIZED (
    SELECT p.id FROM send, prospects p
    WHERE p.id > coalesce(send.position, '00000000-0000-0000-0000-000000000000') AND p.lists ->> send.list = 'subscribed'
    ORDER BY p.id
    LIMIT $1
), queued AS (
    INSERT INTO outbox (aggregatetype, aggregateid, type, payload)
    SELECT 'commands.email', m.id::text, 'list_send', jsonb_build_object(
        'schema', 1, 'id', md5(send.id || '/' || m.id)::uuid, 'uid', send.id, 'prospect_id', m.id,
        'type', 'send_email', 'asset_id', send.asset_id, 'version', 0, 'action_id', 'send', 'action_name', 'Send to a list',
        'order', 0, 'recordedtime', instant($2::timestamptz), 'params', send.params)
    FROM send, member m
    ORDER BY m.id
)
UPDATE list_sends s
SET queued = s.queued + found.count, position = coalesce(found.last, s.position),
    queued_at = CASE WHEN found.count < $1 THEN $2::timestamptz END
FROM send, (SELECT count(*) AS count, (array_agg(id ORDER BY id DESC))[1] AS last FROM member) AS found
WHERE s.id = send.id
RETURNING found.count
