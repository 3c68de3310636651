-- migrate:up

-- Keys of tags and texts: trimming, NFC and simple lower case, the same mapping as core.text.key.
CREATE FUNCTION text_key(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(normalize(btrim(value), NFC) COLLATE pg_c_utf8);

-- What actions refer to ------------------------------------------------------------------------------------------

CREATE TABLE users (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    email      text NOT NULL,
    enabled    boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE fields (
    name     text PRIMARY KEY,
    type     text NOT NULL,
    label    text NOT NULL,
    options  jsonb NOT NULL DEFAULT '[]',
    personal boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE lists (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE assets (
    id         text PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('redirect_link', 'hosted_file', 'form', 'list_email', 'prospect')),
    name       text NOT NULL,
    status     text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived', 'deleted')),
    settings   jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Every version of every list, immutable. `document` is the record of the definitions topic.
CREATE TABLE action_lists (
    asset_id text NOT NULL REFERENCES assets (id),
    version  integer NOT NULL CHECK (version >= 1),
    document jsonb NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (asset_id, version)
);

CREATE TABLE api_keys (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    hash       bytea NOT NULL UNIQUE,             -- sha256 of the key
    scopes     text[] NOT NULL DEFAULT '{events}',
    sources    text[] NOT NULL DEFAULT '{}',      -- '{*}': any
    may_create boolean NOT NULL DEFAULT false,    -- prospects, from an unknown e-mail address
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- The record --------------------------------------------------------------------------------------------------------

CREATE TABLE prospects (
    id       uuid PRIMARY KEY,
    version  integer NOT NULL DEFAULT 1,
    email    text,
    score    integer NOT NULL DEFAULT 0,
    owner    text REFERENCES users (id),
    tags     text[] NOT NULL DEFAULT '{}',
    lists    jsonb NOT NULL DEFAULT '{}',         -- list id -> subscribed | pending | unsubscribed
    consent  text NOT NULL DEFAULT 'none'
             CHECK (consent IN ('none', 'granted', 'unsubscribed', 'bounced', 'complained')),
    lead_id  uuid,
    fields   jsonb NOT NULL DEFAULT '{}',
    -- The newest command order that the row contains, one per record executor: no two executors write the same mark.
    applied_tags   bigint NOT NULL DEFAULT 0,
    applied_score  bigint NOT NULL DEFAULT 0,
    applied_fields bigint NOT NULL DEFAULT 0,
    applied_owner  bigint NOT NULL DEFAULT 0,
    applied_lists  bigint NOT NULL DEFAULT 0,
    applied_leads  bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX prospects_email ON prospects (text_key(email));

-- What is committed and not yet in the log, in Debezium EventRouter's columns. `topic` and `key` say where it goes.
CREATE TABLE outbox (
    seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            uuid NOT NULL DEFAULT gen_random_uuid(),
    aggregatetype text NOT NULL CHECK (aggregatetype IN ('interactions', 'definitions')),
    aggregateid   text NOT NULL,
    type          text NOT NULL,
    payload       jsonb NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION instant(value timestamptz) RETURNS text
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN to_char(value AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

CREATE FUNCTION prospect_values(p prospects) RETURNS jsonb
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN jsonb_build_object(
        'email', p.email, 'score', p.score, 'owner', p.owner, 'tags', to_jsonb(p.tags), 'lists', p.lists,
        'consent', p.consent, 'lead_id', p.lead_id, 'fields', p.fields);

CREATE FUNCTION prospect_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;

CREATE TRIGGER prospects_version BEFORE UPDATE ON prospects
    FOR EACH ROW EXECUTE FUNCTION prospect_versions();

-- Writes the snapshot, whoever the writer is. Settings local to the transaction:
--   finish.writer     who writes: executor, backfill and import raise no triggers; unset (people's SQL, a CRM): 'sql'
--   finish.depth      causation depth of the change (a Lambda's mapped answer), finish.caused_by its interaction
--   finish.now        acceptance time of the change when the process runs on another clock than the database
CREATE FUNCTION prospect_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    writer    text := coalesce(nullif(current_setting('finish.writer', true), ''), 'sql');
    at        text := instant(coalesce(nullif(current_setting('finish.now', true), '')::timestamptz, clock_timestamp()));
    change    jsonb;
    snapshot  jsonb;
    listed    integer;
BEGIN
    SELECT coalesce(max(version), 0) INTO listed FROM action_lists WHERE asset_id = 'prospect';
    IF writer NOT IN ('executor', 'backfill', 'import') THEN
        change := jsonb_build_object(
            'before', CASE WHEN TG_OP = 'UPDATE' THEN prospect_values(OLD) END,
            'by', writer,
            'depth', coalesce(nullif(current_setting('finish.depth', true), '')::integer, 0),
            'causedby', nullif(current_setting('finish.caused_by', true), ''));
    END IF;
    snapshot := jsonb_build_object(
        'specversion', '1.0', 'dataschema', 'urn:finish:snapshot:1', 'source', '/prospects',
        'type', 'prospect.snapshot', 'id', NEW.id || '/' || NEW.version, 'subject', NEW.id, 'prospectid', NEW.id,
        'time', at, 'recordedtime', at, 'prospectlistversion', listed,
        'data', jsonb_build_object(
            'version', NEW.version, 'writer', writer, 'values', prospect_values(NEW),
            'marks', jsonb_build_object(
                'tags', NEW.applied_tags, 'score', NEW.applied_score, 'fields', NEW.applied_fields,
                'owner', NEW.applied_owner, 'lists', NEW.applied_lists, 'leads', NEW.applied_leads),
            'change', change, 'erased', false));
    INSERT INTO outbox (aggregatetype, aggregateid, type, payload)
    VALUES ('interactions', NEW.id::text, CASE writer WHEN 'executor' THEN 'snapshot.executor' ELSE 'snapshot' END, snapshot);
    RETURN NULL;
END $$;

CREATE TRIGGER prospects_snapshot AFTER INSERT OR UPDATE ON prospects
    FOR EACH ROW EXECUTE FUNCTION prospect_snapshot();

-- Wakes the relay, once per transaction.
CREATE FUNCTION outbox_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY finish_outbox;
    RETURN NULL;
END $$;

CREATE TRIGGER outbox_wake AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_wake();

-- The asset of the record triggers exists from the start.
INSERT INTO assets (id, kind, name) VALUES ('prospect', 'prospect', 'Prospect records');
INSERT INTO outbox (aggregatetype, aggregateid, type, payload)
VALUES ('definitions', 'asset:prospect', 'asset', jsonb_build_object(
    'schema', 1, 'record', 'asset', 'id', 'prospect', 'kind', 'prospect', 'name', 'Prospect records',
    'status', 'active', 'settings', '{}'::jsonb));

-- What was done -----------------------------------------------------------------------------------------------------

-- One row per command that an executor has taken: the reason why it acts once. Kept 30 days.
CREATE TABLE command_ledger (
    command_id  uuid PRIMARY KEY,
    uid         uuid NOT NULL,
    prospect_id uuid NOT NULL,
    action_id   text NOT NULL,
    executor    text NOT NULL,
    type        text NOT NULL,
    state       text NOT NULL CHECK (state IN ('waiting', 'held', 'retrying', 'deferred',
                                               'done', 'no_change', 'suppressed', 'dead', 'uncertain')),
    reason      text,
    attempts    integer NOT NULL DEFAULT 1,
    error       text,
    next_at     timestamptz,
    recordedtime timestamptz NOT NULL,            -- of the interaction: what the effect's latency counts from
    settled_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX command_ledger_uid ON command_ledger (uid);
CREATE INDEX command_ledger_prospect ON command_ledger (prospect_id);
CREATE INDEX command_ledger_settled ON command_ledger (settled_at);

-- One row per interaction, filled by history: accepted from the log of interactions, decided from the decisions.
CREATE TABLE decisions (
    uid          uuid PRIMARY KEY,
    prospect_id  text NOT NULL,
    asset_id     text NOT NULL,
    type         text NOT NULL,
    recordedtime timestamptz NOT NULL,
    position     bigint NOT NULL,                 -- the order of its step: ties of recordedtime follow the log
    document     jsonb,                           -- the decision; null: accepted, not yet decided
    decided_at   timestamptz
);
CREATE INDEX decisions_prospect ON decisions (prospect_id, recordedtime DESC, position DESC);

CREATE TABLE dead_letters (
    id          uuid PRIMARY KEY,                 -- of topic, partition and offset: a record is one dead letter
    reason      text NOT NULL,
    error       text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    "offset"    bigint NOT NULL,
    key         bytea,
    value       bytea,
    executor    text,
    uid         uuid,
    prospect_id text,
    command_id  uuid,
    attempts    integer NOT NULL DEFAULT 1,
    first_time  timestamptz NOT NULL,
    last_time   timestamptz NOT NULL
);
CREATE INDEX dead_letters_uid ON dead_letters (uid);
CREATE INDEX dead_letters_reason ON dead_letters (executor, reason);
