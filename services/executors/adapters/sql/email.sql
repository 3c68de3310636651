-- Mails to prospects.

-- name: alone
-- Locks until the end what decides on mails to these prospects: two that decide side by side would not see each other's mails and
-- send more than may be.
-- $1 prospect ids
SELECT pg_advisory_xact_lock(k.key)
FROM (SELECT DISTINCT hashtextextended('finish.mails/' || p.id, 0) AS key FROM unnest($1::uuid[]) AS p (id) ORDER BY key) AS k

-- name: situation
-- What a mail needs besides the record. `recent`: when other mails to the prospect were begun that were sent or may have been,
-- newest first, transactional ones too; `beside`: how many marketing mails to it stand before this one in the batch.
-- $1 command ids, $2 prospect ids, $3 parameters
WITH asked AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[]) WITH ORDINALITY AS a (command_id, prospect_id, params, n)
), placed AS (
    SELECT *, count(*) FILTER (WHERE params ->> 'class' IS DISTINCT FROM 'transactional')
                  OVER (PARTITION BY prospect_id ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS beside
    FROM asked
)
SELECT p.command_id, jsonb_build_object(
    'beside', p.beside,
    'recent', (
        SELECT coalesce(jsonb_agg(instant(a.started_at) ORDER BY a.started_at DESC), '[]')
        FROM (
            SELECT started_at FROM delivery_attempts
            WHERE prospect_id = p.prospect_id AND executor = 'email' AND command_id <> p.command_id
              AND result IN ('done', 'uncertain')
            UNION ALL
            SELECT begun_at FROM deliveries
            WHERE prospect_id = p.prospect_id AND executor = 'email' AND command_id <> p.command_id AND begun_at IS NOT NULL
            ORDER BY started_at DESC
            LIMIT 100
        ) AS a),
    'owner', (
        SELECT jsonb_build_object('email', u.email, 'name', u.name)
        FROM prospects r JOIN users u ON u.id = r.owner
        WHERE r.id = p.prospect_id AND u.enabled),
    'template', (
        SELECT jsonb_build_object('id', t.id, 'subject', a.settings ->> 'subject', 'html', t.html_ready,
                                  'text', t.text_ready, 'from', t.sender, 'reply_to', t.reply_to)
        FROM templates t JOIN assets a ON a.id = t.id
        WHERE t.id = p.params ->> 'template'),
    'submission', (
        SELECT jsonb_build_object('form_id', h.form_id, 'subject', a.settings ->> 'confirm_subject',
                                  'message', a.settings ->> 'confirm_message')
        FROM held_submissions h JOIN assets a ON a.id = h.form_id
        WHERE h.id = (p.params ->> 'submission')::uuid)) AS details
FROM placed p

-- name: strangers
-- Who has given an address that is yet to be confirmed, as a record that says nothing else.
-- $1 prospect ids
SELECT DISTINCT ON (h.prospect_id) h.prospect_id AS id, NULL::jsonb AS owner, jsonb_build_object(
    'email', h.email, 'score', 0, 'owner', NULL, 'tags', '[]'::jsonb, 'lists', '{}'::jsonb, 'consent', 'none',
    'lead_id', NULL, 'fields', '{}'::jsonb) AS prospect
FROM held_submissions h
WHERE h.prospect_id = ANY ($1::uuid[])
ORDER BY h.prospect_id

-- name: keep
-- Where the links of a mail lead, in the order of their ids: two that keep the same ones wait for each other in turn. And whose
-- mail it is.
-- $1 command ids, $2 prospect ids, $3 what is kept
WITH mail AS (
    INSERT INTO mails (id, asset_id, prospect_id)
    SELECT k.command_id::text, k.kept ->> 'asset_id', k.prospect_id
    FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[]) AS k (command_id, prospect_id, kept)
    ON CONFLICT (id) DO NOTHING
)
INSERT INTO mail_links (id, asset_id, url)
SELECT DISTINCT ON (l.id) l.id, l.asset_id, l.url
FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[]) AS k (command_id, prospect_id, kept)
CROSS JOIN LATERAL jsonb_to_recordset(k.kept -> 'links') AS l (id uuid, asset_id text, url text)
ORDER BY l.id
ON CONFLICT (id) DO NOTHING
