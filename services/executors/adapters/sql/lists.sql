-- The attribute `lists`, list id -> subscribed, pending or unsubscribed. Parameters and results are those of tags.sql.

-- name: add_to_list
-- Subscribes to the lists that the prospect is not on; one who unsubscribed only with `resubscribe`, and then its evidence is
-- kept.
-- operands: lists, resubscribe, evidence
WITH command AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
), judged AS (
    SELECT c.prospect_id, c.place, c.operands ->> 'evidence' AS evidence, joined.lists, joined.again
    FROM command c
    JOIN prospects p ON p.id = c.prospect_id
    CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(given.id, 'subscribed') AS lists,
               array_agg(DISTINCT given.id) FILTER (WHERE p.lists ->> given.id = 'unsubscribed') AS again
        FROM jsonb_array_elements_text(c.operands -> 'lists') AS given (id)
        WHERE p.lists ->> given.id IS NULL
           OR (p.lists ->> given.id = 'unsubscribed' AND (c.operands ->> 'resubscribe')::boolean)
    ) AS joined
), changed AS (
    UPDATE prospects p SET lists = p.lists || j.lists, applied_lists = greatest(p.applied_lists, j.place)
    FROM judged j WHERE p.id = j.prospect_id AND j.lists IS NOT NULL
), grounds AS (
    INSERT INTO resubscriptions (prospect_id, list, evidence)
    SELECT j.prospect_id, unnest(j.again), j.evidence FROM judged j
)
SELECT prospect_id, CASE WHEN lists IS NULL THEN 'no_change' ELSE 'done' END AS outcome, NULL AS error FROM judged;

-- name: remove_from_list
-- Takes the prospect off; an entry `unsubscribed` stays, because it is evidence.
-- operands: lists
WITH command AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
), judged AS (
    SELECT c.prospect_id, c.place, gone.lists
    FROM command c
    JOIN prospects p ON p.id = c.prospect_id
    CROSS JOIN LATERAL (
        SELECT array_agg(given.id) AS lists
        FROM jsonb_array_elements_text(c.operands -> 'lists') AS given (id)
        WHERE p.lists ->> given.id <> 'unsubscribed'
    ) AS gone
), changed AS (
    UPDATE prospects p SET lists = p.lists - j.lists, applied_lists = greatest(p.applied_lists, j.place)
    FROM judged j WHERE p.id = j.prospect_id AND j.lists IS NOT NULL
)
SELECT prospect_id, CASE WHEN lists IS NULL THEN 'no_change' ELSE 'done' END AS outcome, NULL AS error FROM judged;

-- name: mark
-- $1 prospect ids, $2 orders
UPDATE prospects p SET applied_lists = m.place
FROM unnest($1::uuid[], $2::bigint[]) AS m (prospect_id, place)
WHERE p.id = m.prospect_id AND p.applied_lists < m.place;
