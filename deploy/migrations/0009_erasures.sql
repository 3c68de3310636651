-- migrate:up

-- One receipt per erased prospect, which stays: what went and when, nothing of what it was. Whoever meets the id later
-- asks here.
CREATE TABLE erasures (
    prospect_id uuid PRIMARY KEY,
    version     integer NOT NULL,                 -- of the last snapshot
    erased_at   timestamptz NOT NULL,
    erased_by   text NOT NULL,                    -- the API key's id
    removed     jsonb NOT NULL                    -- how many of each kind
);
CREATE INDEX erasures_text ON erasures ((prospect_id::text));

-- The snapshot that tells the log: it has no values, and stands behind all that the log has of the prospect.
CREATE FUNCTION erased_snapshot(e erasures) RETURNS jsonb
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN jsonb_build_object(
        'specversion', '1.0', 'dataschema', 'urn:finish:snapshot:1', 'source', '/prospects',
        'type', 'prospect.snapshot', 'id', e.prospect_id || '/' || e.version, 'subject', e.prospect_id,
        'prospectid', e.prospect_id, 'time', instant(e.erased_at), 'recordedtime', instant(e.erased_at),
        'prospectlistversion', 0,
        'data', jsonb_build_object(
            'version', e.version, 'writer', 'api:' || e.erased_by, 'values', '{}'::jsonb, 'marks', '{}'::jsonb,
            'change', NULL, 'erased', true));

-- What a decision keeps of an erased prospect: ids, types and what fired, so that it is still told what happened, and
-- commands stay once. Not the values that criteria saw, nor the source's own id of the event.
CREATE FUNCTION without_values(decision jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN decision || '{"id": "", "reads": {}}';

-- Decisions and dead letters reach the database later than the record, by several writers, so the tables themselves
-- withhold what comes of an erased prospect. The lock is shared among them; an erasure takes it alone, behind the
-- record's row: what is written before it commits is visible to it, and what is written after sees its receipt.
CREATE FUNCTION withhold_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('finish.erasures', 0));
    IF EXISTS (SELECT FROM erasures WHERE prospect_id::text = NEW.prospect_id) THEN
        NEW.document := without_values(NEW.document);
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER decisions_withheld BEFORE INSERT ON decisions
    FOR EACH ROW WHEN (NEW.document IS NOT NULL) EXECUTE FUNCTION withhold_decision();

CREATE FUNCTION withhold_dead_letter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('finish.erasures', 0));
    IF EXISTS (SELECT FROM erasures WHERE prospect_id::text IN (NEW.prospect_id, encode(NEW.key, 'escape'))) THEN
        NEW.key := NULL;
        NEW.value := NULL;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER dead_letters_withheld BEFORE INSERT ON dead_letters
    FOR EACH ROW EXECUTE FUNCTION withhold_dead_letter();

-- Erased letters have no bytes any more.
CREATE OR REPLACE FUNCTION dead_letter_refusal(letter dead_letters) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN letter.topic NOT LIKE 'finish.%' THEN 'it is larger than a topic takes, and will not get smaller'
        WHEN letter.cut THEN 'its bytes are not all here'
        WHEN letter.value IS NULL THEN 'it has no bytes: it is a tombstone, or of an erased prospect'
        WHEN letter.topic = 'finish.definitions.v1' AND substring(letter.key FROM 1 FOR 6) = 'asset:'
            THEN 'it is an older form of an asset: saving the asset publishes the newest one' END;

-- An erasure finds the letters of a prospect by its id or, where no command could be read, by the record's key.
CREATE INDEX dead_letters_key ON dead_letters USING hash (key);
