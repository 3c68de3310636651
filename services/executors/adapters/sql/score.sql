-- The attribute `score`. Parameters and results are those of tags.sql.

-- name: adjust_score
-- Adds, subtracts or sets, then clamps the result, not the amount.
-- operands: op, amount, min, max, limit
WITH command AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
), adjusted AS (
    SELECT c.prospect_id, c.place, p.score AS before, (c.operands ->> 'limit')::bigint AS score_limit,
           least(greatest(CASE c.operands ->> 'op'
                              WHEN 'add' THEN p.score + (c.operands ->> 'amount')::bigint
                              WHEN 'subtract' THEN p.score - (c.operands ->> 'amount')::bigint
                              ELSE (c.operands ->> 'amount')::bigint END,
                          (c.operands ->> 'min')::bigint),  -- both ignore a bound that is null
                 (c.operands ->> 'max')::bigint) AS score
    FROM command c
    JOIN prospects p ON p.id = c.prospect_id
), judged AS (
    SELECT *, CASE WHEN score = before THEN 'no_change'
                   WHEN abs(score) > score_limit THEN 'dead'
                   ELSE 'done' END AS outcome
    FROM adjusted
), changed AS (
    UPDATE prospects p SET score = j.score, applied_score = greatest(p.applied_score, j.place)
    FROM judged j WHERE p.id = j.prospect_id AND j.outcome = 'done'
)
SELECT prospect_id, outcome, CASE outcome WHEN 'dead' THEN 'the score would leave its range' END AS error
FROM judged;

-- name: mark
-- $1 prospect ids, $2 orders
UPDATE prospects p SET applied_score = m.place
FROM unnest($1::uuid[], $2::bigint[]) AS m (prospect_id, place)
WHERE p.id = m.prospect_id AND p.applied_score < m.place;
