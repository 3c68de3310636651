-- Notices. Parameters and results are those of tasks.sql.

-- name: notify_user
-- Everybody is told once, the fallback only where nobody else is. With a digest, what follows within its seconds about the same
-- prospect joins the first notice, which counts as unread again. By e-mail, the first one begins what its mail will tell, and
-- commands that mail: nothing is left of it here but what the mail of an earlier one has never told.
-- operands: channel, subject, text, user, team, fallback, digest; asked: to, fallback
WITH asked AS (
    SELECT $3::jsonb AS o, d.action, convert_from(d.value, 'UTF8')::jsonb AS command
    FROM deliveries d WHERE d.command_id = $1::uuid
), gathered AS (
    INSERT INTO mail_digests AS m (prospect_id, action, id, text, count)
    SELECT $2::uuid, action, $1::uuid, o ->> 'text', 1 FROM asked WHERE o ->> 'channel' = 'email'
    ON CONFLICT (prospect_id, action) DO UPDATE
    SET count = m.count + 1, text = left(m.text || E'\n' || excluded.text, 20000),
        id = CASE WHEN EXISTS (SELECT FROM command_ledger c
                               WHERE c.command_id = md5('mail_digest/' || m.id)::uuid AND c.state NOT IN
                                     ('waiting', 'held', 'retrying', 'deferred')) THEN excluded.id ELSE m.id END
    RETURNING id
), mailed AS (
    INSERT INTO outbox (aggregatetype, aggregateid, type, payload)
    SELECT 'commands.notify', $2::text, 'mail_digest', command - 'interaction' || jsonb_build_object(
        'id', md5('mail_digest/' || $1::uuid)::uuid, 'type', 'mail_digest', 'after', '{}'::jsonb,
        'not_before', instant(clock_timestamp() + make_interval(secs => (o ->> 'digest')::float8)),
        'params', o -> 'asked' || jsonb_build_object('subject', o ->> 'subject'))
    FROM asked, gathered WHERE gathered.id = $1::uuid
), named AS (
    SELECT u.id FROM asked, users u WHERE u.enabled AND u.id = asked.o ->> 'user'
    UNION
    SELECT u.id FROM asked, team_members m JOIN users u ON u.id = m.user_id
    WHERE u.enabled AND m.team_id = asked.o ->> 'team'
), told AS (
    SELECT id FROM named
    UNION
    SELECT u.id FROM asked, users u
    WHERE u.enabled AND u.id = asked.o ->> 'fallback' AND NOT EXISTS (SELECT FROM named)
), here AS (
    SELECT told.id FROM told, asked WHERE o ->> 'channel' = 'in_app'
), joined AS (
    UPDATE notices n
    SET count = n.count + 1, text = left(n.text || E'\n' || (o ->> 'text'), 20000), read_at = NULL
    FROM asked, here AS told
    WHERE n.id = (
        SELECT i.id FROM notices i
        WHERE i.prospect_id = $2::uuid AND i.user_id = told.id AND i.action = asked.action
          AND i.created_at > clock_timestamp() - make_interval(secs => (o ->> 'digest')::float8)
        ORDER BY i.created_at DESC
        LIMIT 1)
    RETURNING n.user_id
), kept AS (
    INSERT INTO notices (id, command_id, prospect_id, user_id, subject, text, action)
    SELECT md5($1::uuid || '/' || told.id)::uuid, $1::uuid, $2::uuid, told.id, o ->> 'subject', o ->> 'text', asked.action
    FROM asked, here AS told WHERE told.id NOT IN (SELECT user_id FROM joined)
    RETURNING id
)
SELECT CASE WHEN EXISTS (SELECT FROM told) THEN 'done' ELSE 'suppressed' END AS state,
       CASE WHEN NOT EXISTS (SELECT FROM told) THEN 'no_recipient' END AS reason;

-- name: situation
-- Whom a notice by e-mail tells: each address once, the fallback only where there is nobody else. And what a digest has gathered
-- for its mail, kept as it is until the end.
-- $1 command ids, $2 prospect ids, $3 parameters
WITH asked AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[]) AS a (command_id, prospect_id, params)
), gathered AS MATERIALIZED (
    SELECT a.command_id, m.text, m.count
    FROM asked a JOIN mail_digests m ON m.prospect_id = a.prospect_id AND md5('mail_digest/' || m.id)::uuid = a.command_id
    ORDER BY m.prospect_id, m.action
    FOR UPDATE OF m
)
SELECT a.command_id, jsonb_build_object('gathered', (
    SELECT jsonb_build_object('text', g.text, 'count', g.count) FROM gathered g WHERE g.command_id = a.command_id
), 'recipients', (
    WITH named AS (
        SELECT u.email, u.name FROM users u
        WHERE u.enabled AND u.id = CASE WHEN a.params -> 'to' = '"owner"'
                                        THEN (SELECT p.owner FROM prospects p WHERE p.id = a.prospect_id)
                                        ELSE a.params -> 'to' ->> 'user' END
        UNION
        SELECT u.email, u.name FROM team_members m JOIN users u ON u.id = m.user_id
        WHERE u.enabled AND m.team_id = a.params -> 'to' ->> 'team'
    ), told AS (
        SELECT email, name FROM named
        UNION
        SELECT u.email, u.name FROM users u
        WHERE u.enabled AND u.id = a.params -> 'fallback' ->> 'user' AND NOT EXISTS (SELECT FROM named)
    ), once AS (
        SELECT DISTINCT ON (text_key(email)) email, name FROM told ORDER BY text_key(email), name
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object('email', email, 'name', name) ORDER BY text_key(email)), '[]') FROM once
)) AS details
FROM asked a

-- name: keep
-- What the mail tells now is not gathered any more.
-- $1 command ids, $2 prospect ids, $3 what is kept
DELETE FROM mail_digests m
USING unnest($1::uuid[], $2::uuid[], $3::jsonb[]) AS k (command_id, prospect_id, kept)
WHERE m.prospect_id = k.prospect_id AND md5('mail_digest/' || m.id)::uuid = k.command_id
