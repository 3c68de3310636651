-- migrate:up

-- Dead letters are replayed: the record goes back into its topic as it was, with the letter's id in a header -------------

-- `id` is of the place where the record died first and stays its identity; `topic`, `partition` and `offset` say where it
-- died last. `replayed_at`: a replay was asked for and has not ended. `cut`: not all of its bytes are here.
ALTER TABLE dead_letters
    ADD COLUMN replayed_at timestamptz,
    ADD COLUMN cut boolean NOT NULL DEFAULT false;
UPDATE dead_letters SET cut = true WHERE octet_length(value) >= 524288 OR octet_length(key) >= 1024;

CREATE INDEX dead_letters_time ON dead_letters (last_time DESC, id DESC);
CREATE INDEX dead_letters_prospect ON dead_letters (prospect_id);

-- Why a dead letter cannot be replayed; null: it can.
CREATE FUNCTION dead_letter_refusal(letter dead_letters) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN letter.topic NOT LIKE 'finish.%' THEN 'it is larger than a topic takes, and will not get smaller'
        WHEN letter.cut THEN 'its bytes are not all here'
        WHEN letter.value IS NULL THEN 'it is a tombstone: there is nothing to carry out'
        WHEN letter.topic = 'finish.definitions.v1' AND substring(letter.key FROM 1 FOR 6) = 'asset:'
            THEN 'it is an older form of an asset: saving the asset publishes the newest one' END;

-- What a dead letter leaves behind: no bytes but their digest. A record that is read again, by a group that was reset or an
-- evaluator that begins anew, does not bring back a letter that was replayed or deleted; another record at the same place,
-- of a topic that was made anew, is a letter of its own.
CREATE TABLE ended_dead_letters (
    id         uuid PRIMARY KEY,
    uid        uuid,
    command_id uuid,
    reason     text NOT NULL,
    error      text NOT NULL,
    attempts   integer NOT NULL,
    digest     bytea NOT NULL,
    ended_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ended_dead_letters_uid ON ended_dead_letters (uid);
CREATE INDEX ended_dead_letters_age ON ended_dead_letters (ended_at);

CREATE FUNCTION dead_letter_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ended_dead_letters (id, uid, command_id, reason, error, attempts, digest)
    VALUES (OLD.id, OLD.uid, OLD.command_id, OLD.reason, OLD.error, OLD.attempts, sha256(coalesce(OLD.value, '')))
    ON CONFLICT (id) DO UPDATE
    SET uid = excluded.uid, command_id = excluded.command_id, reason = excluded.reason, error = excluded.error,
        attempts = excluded.attempts, digest = excluded.digest, ended_at = excluded.ended_at;
    RETURN NULL;
END $$;

CREATE TRIGGER dead_letters_ended AFTER DELETE ON dead_letters
    FOR EACH ROW EXECUTE FUNCTION dead_letter_ended();

-- Looks at the letter first, so that whoever is deleting it has ended before its trace is looked for.
CREATE FUNCTION dead_letter_stays_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM dead_letters WHERE id = NEW.id FOR KEY SHARE;
    IF EXISTS (SELECT FROM ended_dead_letters WHERE id = NEW.id AND digest = sha256(coalesce(NEW.value, ''))) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER dead_letters_stay_ended BEFORE INSERT ON dead_letters
    FOR EACH ROW EXECUTE FUNCTION dead_letter_stays_ended();

-- A row of the kind `replay` holds no bytes: `aggregateid` is the dead letter that the relay publishes again, if it is
-- still there.
ALTER TABLE outbox DROP CONSTRAINT outbox_aggregatetype_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_aggregatetype_check
    CHECK (aggregatetype IN ('interactions', 'definitions', 'replay'));

-- What is paused: one action that reaches outside ('<asset id>/<action id>'), an action type, or a destination.
CREATE TABLE pauses (
    id         text PRIMARY KEY,
    scope      text NOT NULL CHECK (scope IN ('action', 'type', 'destination')),
    target     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (scope, target)
);
