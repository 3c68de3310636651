-- The attribute `lead_id` and the leads themselves. Parameters and results are those of tags.sql.

-- name: convert_to_lead
-- A prospect has one lead. Of an existing one, `update` writes what the action names; the others leave it as it is.
-- operands: lead_id, status, owner, source, on_existing
WITH command AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
), seen AS (
    SELECT c.prospect_id, c.place, p.lead_id IS NOT NULL AS exists, c.operands ->> 'on_existing' AS on_existing,
           coalesce(p.lead_id, (c.operands ->> 'lead_id')::uuid) AS lead_id,
           c.operands ->> 'status' AS status,
           coalesce(c.operands ->> 'owner', l.owner) AS owner,
           coalesce(c.operands ->> 'source', l.source) AS source,
           l.status IS NOT DISTINCT FROM c.operands ->> 'status'
               AND coalesce(c.operands ->> 'owner', l.owner) IS NOT DISTINCT FROM l.owner
               AND coalesce(c.operands ->> 'source', l.source) IS NOT DISTINCT FROM l.source AS same
    FROM command c
    JOIN prospects p ON p.id = c.prospect_id
    LEFT JOIN leads l ON l.id = p.lead_id
), judged AS (
    SELECT s.*, CASE WHEN s.exists AND s.on_existing = 'fail' THEN 'the prospect is a lead already'
                     WHEN s.exists AND s.on_existing <> 'update' THEN NULL
                     WHEN s.owner IS NOT NULL AND u.id IS NULL THEN 'the user does not exist' END AS error,
           s.exists AND (s.on_existing <> 'update' OR s.same) AS stays
    FROM seen s LEFT JOIN users u ON u.id = s.owner
), ended AS (
    SELECT *, CASE WHEN error IS NOT NULL THEN 'dead' WHEN stays THEN 'no_change' ELSE 'done' END AS outcome
    FROM judged
), converted AS (
    INSERT INTO leads (id, prospect_id, status, owner, source)
    SELECT lead_id, prospect_id, status, owner, source FROM ended WHERE outcome = 'done'
    ON CONFLICT (id) DO UPDATE
    SET status = excluded.status, owner = excluded.owner, source = excluded.source, updated_at = clock_timestamp()
), changed AS (
    UPDATE prospects p SET lead_id = e.lead_id, applied_leads = greatest(p.applied_leads, e.place)
    FROM ended e WHERE p.id = e.prospect_id AND e.outcome = 'done'
)
SELECT prospect_id, outcome, error FROM ended;

-- name: push
-- Tells the workspace's CRM, if there is one.
-- $1 ids of commands that are done
SELECT push_to_crm('lead', $1::uuid[]);

-- name: mark
-- $1 prospect ids, $2 orders
UPDATE prospects p SET applied_leads = m.place
FROM unnest($1::uuid[], $2::bigint[]) AS m (prospect_id, place)
WHERE p.id = m.prospect_id AND p.applied_leads < m.place;
