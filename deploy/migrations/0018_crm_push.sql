-- migrate:up

-- Where the tasks and leads that actions make are pushed to, if anywhere: one CRM of the workspace. Secrets stand in the
-- executor's environment; `auth` names them.
CREATE TABLE crm_push (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    url        text NOT NULL,
    headers    jsonb NOT NULL,
    auth       jsonb NOT NULL,
    records    text[] NOT NULL CHECK (records <@ ARRAY['task', 'lead']),
    updated_at timestamptz NOT NULL
);

-- A push is a command of the webhook executor, which the relay puts into its topic as it does with all that is in the outbox.
ALTER TABLE outbox DROP CONSTRAINT outbox_aggregatetype_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_aggregatetype_check
    CHECK (aggregatetype IN ('interactions', 'definitions', 'replay', 'commands.webhook'));

-- Pushes what these commands made, in the transaction that makes it. The push of a command has always the same id, and so has
-- the task or lead: what the CRM knows it by.
CREATE FUNCTION push_to_crm(kind text, command_ids uuid[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO outbox (aggregatetype, aggregateid, type, payload)
    SELECT 'commands.webhook', c.prospect_id::text, 'push', jsonb_build_object(
        'schema', 1, 'id', md5('push_to_crm/' || c.command_id)::uuid, 'uid', c.uid, 'prospect_id', c.prospect_id,
        'type', 'push_to_crm', 'asset_id', 'crm', 'version', 0, 'action_id', 'push', 'action_name', 'Push to the CRM',
        'order', 0, 'recordedtime', instant(c.recordedtime),
        'params', jsonb_build_object(
            'url', push.url, 'headers', push.headers, 'auth', push.auth, 'kind', kind, 'record', made.record))
    FROM crm_push push
    CROSS JOIN unnest(command_ids) AS done (id)
    JOIN command_ledger c ON c.command_id = done.id
    CROSS JOIN LATERAL (
        SELECT jsonb_build_object(
            'id', t.id, 'title', t.title, 'body', t.body, 'due_at', instant(t.due_at), 'priority', t.priority,
            'status', t.status, 'lead_id', t.lead_id, 'created_at', instant(t.created_at),
            'assignee', (SELECT jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email)
                         FROM users u WHERE u.id = t.assignee)) AS record
        FROM tasks t WHERE kind = 'task' AND t.id = c.command_id
        UNION ALL
        SELECT jsonb_build_object(
            'id', l.id, 'status', l.status, 'source', l.source, 'created_at', instant(l.created_at),
            'updated_at', instant(l.updated_at),
            'owner', (SELECT jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email)
                      FROM users u WHERE u.id = l.owner))
        FROM leads l WHERE kind = 'lead' AND l.prospect_id = c.prospect_id
    ) AS made
    WHERE kind = ANY (push.records)
$$;
