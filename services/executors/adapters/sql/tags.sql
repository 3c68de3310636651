-- The attribute `tags`. In every file of a record executor, $1 prospect ids, $2 orders and $3 operands describe one round:
-- at most one command of each prospect, whose row is locked. A statement returns one row per command: how it ended,
-- `done`, `no_change` or `dead` with an error. One that is `done` has moved the mark in its UPDATE; the mark of the
-- others is moved by `mark` once for the batch, because every UPDATE of a row writes a snapshot.

-- name: add_tags
-- Appends the tags whose key the prospect has not, in the order given, in the first spelling given.
-- operands: tags, tags_max
WITH command AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
), judged AS (
    SELECT c.prospect_id, c.place, p.tags || fresh.tags AS tags,
           CASE WHEN cardinality(fresh.tags) = 0 THEN 'no_change'
                WHEN cardinality(p.tags) + cardinality(fresh.tags) > (c.operands ->> 'tags_max')::integer THEN 'dead'
                ELSE 'done' END AS outcome
    FROM command c
    JOIN prospects p ON p.id = c.prospect_id
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(spelled.tag ORDER BY spelled.nth), '{}') AS tags
        FROM (
            SELECT DISTINCT ON (text_key(given.tag)) given.tag, given.nth
            FROM jsonb_array_elements_text(c.operands -> 'tags') WITH ORDINALITY AS given (tag, nth)
            WHERE NOT EXISTS (SELECT FROM unnest(p.tags) AS had (tag) WHERE text_key(had.tag) = text_key(given.tag))
            ORDER BY text_key(given.tag), given.nth
        ) AS spelled
    ) AS fresh
), changed AS (
    UPDATE prospects p SET tags = j.tags, applied_tags = greatest(p.applied_tags, j.place)
    FROM judged j WHERE p.id = j.prospect_id AND j.outcome = 'done'
)
SELECT prospect_id, outcome, CASE outcome WHEN 'dead' THEN 'the prospect would have too many tags' END AS error
FROM judged;

-- name: remove_tags
-- Drops the tags of these keys, whatever their spelling.
-- operands: tags
WITH command AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
), judged AS (
    SELECT c.prospect_id, c.place, kept.tags,
           CASE WHEN cardinality(kept.tags) = cardinality(p.tags) THEN 'no_change' ELSE 'done' END AS outcome
    FROM command c
    JOIN prospects p ON p.id = c.prospect_id
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(had.tag ORDER BY had.nth), '{}') AS tags
        FROM unnest(p.tags) WITH ORDINALITY AS had (tag, nth)
        WHERE NOT EXISTS (SELECT FROM jsonb_array_elements_text(c.operands -> 'tags') AS given (tag)
                          WHERE text_key(given.tag) = text_key(had.tag))
    ) AS kept
), changed AS (
    UPDATE prospects p SET tags = j.tags, applied_tags = greatest(p.applied_tags, j.place)
    FROM judged j WHERE p.id = j.prospect_id AND j.outcome = 'done'
)
SELECT prospect_id, outcome, NULL AS error FROM judged;

-- name: mark
-- $1 prospect ids, $2 orders
UPDATE prospects p SET applied_tags = m.place
FROM unnest($1::uuid[], $2::bigint[]) AS m (prospect_id, place)
WHERE p.id = m.prospect_id AND p.applied_tags < m.place;
