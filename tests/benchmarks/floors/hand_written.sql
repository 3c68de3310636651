-- What somebody writes who knows that every prospect of a batch is another one and nothing can be wrong: the ledger rows,
-- then one UPDATE with effect and mark. $1 prospect ids, $2 orders, $3 operands.

-- name: writer
SELECT set_config('finish.writer', 'executor', true)

-- name: ledger
-- $1 command ids, $2 uids, $3 prospect ids, $4 action ids, $5 types, $6 recorded times, $7 executor
INSERT INTO command_ledger (command_id, uid, prospect_id, action_id, executor, type, state, recordedtime)
SELECT c.command_id, c.uid, c.prospect_id, c.action_id, $7, c.type, 'done', c.recordedtime
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[])
    AS c (command_id, uid, prospect_id, action_id, type, recordedtime)
ON CONFLICT (command_id) DO NOTHING

-- name: tags
UPDATE prospects p SET tags = p.tags || (c.operands #>> '{tags,0}'), applied_tags = greatest(p.applied_tags, c.place)
FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
WHERE p.id = c.prospect_id AND NOT p.tags @> ARRAY[c.operands #>> '{tags,0}']

-- name: score
UPDATE prospects p
SET score = p.score + (c.operands ->> 'amount')::integer, applied_score = greatest(p.applied_score, c.place)
FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
WHERE p.id = c.prospect_id

-- name: fields
UPDATE prospects p
SET fields = jsonb_set(p.fields, ARRAY[c.operands ->> 'field'], c.operands -> 'value'),
    applied_fields = greatest(p.applied_fields, c.place)
FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
WHERE p.id = c.prospect_id

-- name: owner
UPDATE prospects p SET owner = c.operands ->> 'user', applied_owner = greatest(p.applied_owner, c.place)
FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
WHERE p.id = c.prospect_id

-- name: lists
UPDATE prospects p
SET lists = p.lists || jsonb_build_object(c.operands #>> '{lists,0}', 'subscribed'),
    applied_lists = greatest(p.applied_lists, c.place)
FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
WHERE p.id = c.prospect_id

-- name: leads
WITH command AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::jsonb[]) AS c (prospect_id, place, operands)
), lead AS (
    INSERT INTO leads (id, prospect_id, status, owner, source)
    SELECT (operands ->> 'lead_id')::uuid, prospect_id, operands ->> 'status', operands ->> 'owner', operands ->> 'source'
    FROM command
    ON CONFLICT (id) DO UPDATE SET status = excluded.status
)
UPDATE prospects p SET lead_id = (c.operands ->> 'lead_id')::uuid, applied_leads = greatest(p.applied_leads, c.place)
FROM command c WHERE p.id = c.prospect_id
