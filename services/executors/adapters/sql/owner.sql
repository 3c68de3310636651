-- The attribute `owner`. Parameters and results are those of tags.sql.

-- name: assign_owner
-- Gives the prospect the user. Without one (everybody in the pool is disabled) nothing changes.
-- operands: user, overwrite
WITH command AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
), judged AS (
    SELECT c.prospect_id, c.place, u.id AS owner,
           CASE WHEN c.operands ->> 'user' IS NULL OR c.operands ->> 'user' = p.owner THEN 'no_change'
                WHEN c.operands ->> 'overwrite' = 'never' AND p.owner IS NOT NULL THEN 'no_change'
                WHEN u.id IS NULL THEN 'dead'
                ELSE 'done' END AS outcome
    FROM command c
    JOIN prospects p ON p.id = c.prospect_id
    LEFT JOIN users u ON u.id = c.operands ->> 'user'
), changed AS (
    UPDATE prospects p SET owner = j.owner, applied_owner = greatest(p.applied_owner, j.place)
    FROM judged j WHERE p.id = j.prospect_id AND j.outcome = 'done'
)
SELECT prospect_id, outcome, CASE outcome WHEN 'dead' THEN 'the user does not exist' END AS error
FROM judged;

-- name: mark
-- $1 prospect ids, $2 orders
UPDATE prospects p SET applied_owner = m.place
FROM unnest($1::uuid[], $2::bigint[]) AS m (prospect_id, place)
WHERE p.id = m.prospect_id AND p.applied_owner < m.place;
