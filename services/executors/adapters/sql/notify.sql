-- Notices. Parameters and results are those of tasks.sql.

-- name: notify_user
-- Everybody is told once, the fallback only where nobody else is.
-- operands: subject, text, user, team, fallback
WITH asked AS (
    SELECT $3::jsonb AS o
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
), kept AS (
    INSERT INTO notices (id, command_id, prospect_id, user_id, subject, text)
    SELECT md5($1::uuid || '/' || told.id)::uuid, $1::uuid, $2::uuid, told.id, o ->> 'subject', o ->> 'text'
    FROM asked, told
    RETURNING id
)
SELECT CASE WHEN EXISTS (SELECT FROM kept) THEN 'done' ELSE 'suppressed' END AS state,
       CASE WHEN NOT EXISTS (SELECT FROM kept) THEN 'no_recipient' END AS reason;
