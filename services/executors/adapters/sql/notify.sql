-- Notices. Parameters and results are those of tasks.sql.

-- name: notify_user
-- Everybody is told once, the fallback only where nobody else is. With a digest, what follows within its seconds about the same
-- prospect joins the first notice, which counts as unread again.
-- operands: subject, text, user, team, fallback, digest
WITH asked AS (
    SELECT $3::jsonb AS o, (SELECT d.action FROM deliveries d WHERE d.command_id = $1::uuid) AS action
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
), joined AS (
    UPDATE notices n
    SET count = n.count + 1, text = left(n.text || E'\n' || (o ->> 'text'), 20000), read_at = NULL
    FROM asked, told
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
    FROM asked, told WHERE told.id NOT IN (SELECT user_id FROM joined)
    RETURNING id
)
SELECT CASE WHEN EXISTS (SELECT FROM told) THEN 'done' ELSE 'suppressed' END AS state,
       CASE WHEN NOT EXISTS (SELECT FROM told) THEN 'no_recipient' END AS reason;

-- name: situation
-- Whom a notice by e-mail tells: each address once, the fallback only where there is nobody else.
-- $1 command ids, $2 prospect ids, $3 parameters
SELECT a.command_id, jsonb_build_object('recipients', (
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
FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[]) AS a (command_id, prospect_id, params)
