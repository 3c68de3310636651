-- The fields of the catalogue, one jsonb per prospect. Parameters and results are those of tags.sql.

-- name: change_field_value
-- Each operation is one branch of `wanted`: the value that it wants (null: none) or why it cannot have it. What depends on
-- the operands alone was checked before.
-- operands: field, type, op, value, only_if_empty, text_max, multi_max, number_limit, decimals, separator
WITH command AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
), seen AS (
    SELECT c.*, c.operands ->> 'field' AS field, c.operands ->> 'op' AS op, c.operands ->> 'type' AS type,
           c.operands -> 'value' AS value, stored.value AS before,
           stored.value IS NULL OR stored.value IN ('""', '[]') AS empty
    FROM command c
    JOIN prospects p ON p.id = c.prospect_id
    CROSS JOIN LATERAL (SELECT nullif(p.fields -> (c.operands ->> 'field'), 'null')) AS stored (value)
), applicable AS (
    SELECT * FROM seen WHERE empty OR NOT (operands ->> 'only_if_empty')::boolean
), wanted AS (
    SELECT prospect_id, NULL::jsonb AS after, NULL AS error
    FROM applicable WHERE op = 'clear'
    UNION ALL
    SELECT prospect_id, value, NULL
    FROM applicable WHERE op = 'set' OR (op = 'append' AND type <> 'multi' AND empty)
    UNION ALL
    SELECT prospect_id,
           CASE WHEN here THEN before ELSE to_jsonb(joined.text) END,
           CASE WHEN jsonb_typeof(before) <> 'string' THEN 'the stored value is no text'
                WHEN NOT here AND length(joined.text) > (operands ->> 'text_max')::integer
                THEN 'the text would be too long' END
    FROM applicable
    CROSS JOIN LATERAL (
        SELECT value #>> '{}' = ANY (string_to_array(before #>> '{}', operands ->> 'separator')),
               (before #>> '{}') || (operands ->> 'separator') || (value #>> '{}')
    ) AS joined (here, text)
    WHERE op = 'append' AND type <> 'multi' AND NOT empty
    UNION ALL
    SELECT prospect_id,
           CASE WHEN fresh.items = '[]' THEN before ELSE had.items || fresh.items END,
           CASE WHEN had.items IS NULL THEN 'the stored value is no list'
                WHEN fresh.items <> '[]' AND jsonb_array_length(had.items) + jsonb_array_length(fresh.items)
                     > (operands ->> 'multi_max')::integer
                THEN 'the list would be too long' END
    FROM applicable
    CROSS JOIN LATERAL (
        SELECT CASE WHEN empty THEN '[]' WHEN jsonb_typeof(before) = 'array' THEN before END
    ) AS had (items)
    CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_agg(missing.item ORDER BY missing.nth), '[]')
        FROM (
            SELECT given.item, min(given.nth) AS nth
            FROM jsonb_array_elements_text(value) WITH ORDINALITY AS given (item, nth)
            WHERE NOT had.items ? given.item
            GROUP BY given.item
        ) AS missing
    ) AS fresh (items)
    WHERE op = 'append' AND type = 'multi'
    UNION ALL
    SELECT prospect_id, to_jsonb(trim_scale(round(total.number, (operands ->> 'decimals')::integer))),
           CASE WHEN total.number IS NULL THEN 'the stored value is no number'
                WHEN abs(total.number) >= (operands ->> 'number_limit')::numeric THEN 'the number would be too large' END
    FROM applicable
    CROSS JOIN LATERAL (
        SELECT CASE WHEN empty THEN 0
                    WHEN jsonb_typeof(before) = 'number' THEN (before #>> '{}')::numeric END
               + (value #>> '{}')::numeric
    ) AS total (number)
    WHERE op = 'increment'
), judged AS (
    SELECT s.prospect_id, s.place, s.field, w.after, w.error,
           CASE WHEN w.error IS NOT NULL THEN 'dead'
                WHEN w.prospect_id IS NULL OR w.after IS NOT DISTINCT FROM s.before THEN 'no_change'
                ELSE 'done' END AS outcome
    FROM seen s LEFT JOIN wanted w USING (prospect_id)
), changed AS (
    UPDATE prospects p
    SET fields = CASE WHEN j.after IS NULL THEN p.fields - j.field
                      ELSE p.fields || jsonb_build_object(j.field, j.after) END,
        applied_fields = greatest(p.applied_fields, j.place)
    FROM judged j WHERE p.id = j.prospect_id AND j.outcome = 'done'
)
SELECT prospect_id, outcome, error FROM judged;

-- name: mark
-- $1 prospect ids, $2 orders
UPDATE prospects p SET applied_fields = m.place
FROM unnest($1::uuid[], $2::bigint[]) AS m (prospect_id, place)
WHERE p.id = m.prospect_id AND p.applied_fields < m.place;
