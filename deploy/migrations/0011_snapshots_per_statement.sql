-- migrate:up

-- The snapshots of all rows that a statement wrote are made at once: per row it costs less than a row trigger does, and
-- most rows are written by executors in batches.

-- Not STRICT, so that the planner takes it apart within the statement that calls it.
CREATE OR REPLACE FUNCTION prospect_values(p prospects) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN jsonb_build_object(
        'email', p.email, 'score', p.score, 'owner', p.owner, 'tags', p.tags, 'lists', p.lists,
        'consent', p.consent, 'lead_id', p.lead_id, 'fields', p.fields);

-- Computed, as other ids are: the same version of a record has the same one.
CREATE FUNCTION snapshot_id(p prospects) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN md5(p.id || '/' || p.version)::uuid;

CREATE FUNCTION snapshot_of(p prospects, writer text, at text, listed integer, change jsonb) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN jsonb_build_object(
        'specversion', '1.0', 'dataschema', 'urn:finish:snapshot:1', 'source', '/prospects',
        'type', 'prospect.snapshot', 'id', p.id || '/' || p.version, 'subject', p.id, 'prospectid', p.id,
        'time', at, 'recordedtime', at, 'prospectlistversion', listed,
        'data', jsonb_build_object(
            'version', p.version, 'writer', writer, 'values', prospect_values(p),
            'marks', jsonb_build_object(
                'tags', p.applied_tags, 'score', p.applied_score, 'fields', p.applied_fields,
                'owner', p.applied_owner, 'lists', p.applied_lists, 'leads', p.applied_leads),
            'change', change, 'erased', false));

-- Writes the snapshots, whoever the writer is; one statement writes a row once, so a prospect's stand in the order of its
-- versions. The settings are those of 0001. Plans are kept for a session, whose first statement may write one row and its
-- next a million: the rows before and after are never paired by a nested loop.
CREATE FUNCTION prospect_snapshots() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
    writer text := coalesce(nullif(current_setting('finish.writer', true), ''), 'sql');
    at     text := instant(coalesce(nullif(current_setting('finish.now', true), '')::timestamptz, clock_timestamp()));
    kind   text := CASE writer WHEN 'executor' THEN 'snapshot.executor' ELSE 'snapshot' END;
    listed integer;
    change jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM written) THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(max(version), 0) INTO listed FROM action_lists WHERE asset_id = 'prospect';
    IF writer NOT IN ('executor', 'backfill', 'import') THEN
        change := jsonb_build_object(
            'before', NULL, 'by', writer,
            'depth', coalesce(nullif(current_setting('finish.depth', true), '')::integer, 0),
            'causedby', nullif(current_setting('finish.caused_by', true), ''));
    END IF;
    IF TG_OP = 'INSERT' OR change IS NULL THEN
        INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload)
        SELECT snapshot_id(p), 'interactions', p.id::text, kind, snapshot_of(p, writer, at, listed, change)
        FROM written AS p;
    ELSE
        INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload)
        SELECT snapshot_id(p), 'interactions', p.id::text, kind, snapshot_of(p, writer, at, listed, change ||
               jsonb_build_object('before', CASE WHEN was.id IS NOT NULL THEN prospect_values(was) END))
        FROM written AS p LEFT JOIN replaced AS was ON was.id = p.id;
    END IF;
    RETURN NULL;
END $$;

DROP TRIGGER prospects_snapshot ON prospects;
DROP FUNCTION prospect_snapshot();

CREATE TRIGGER prospects_inserted AFTER INSERT ON prospects
    REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION prospect_snapshots();
CREATE TRIGGER prospects_updated AFTER UPDATE ON prospects
    REFERENCING OLD TABLE AS replaced NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION prospect_snapshots();
