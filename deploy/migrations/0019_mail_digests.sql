-- migrate:up

-- What notices by e-mail with a digest have gathered about a prospect, one row per action until its mail is rendered.
CREATE TABLE mail_digests (
    prospect_id uuid NOT NULL REFERENCES prospects (id) ON DELETE CASCADE,
    action      text NOT NULL,
    id          uuid NOT NULL,      -- of the command whose mail tells it
    text        text NOT NULL,
    count       integer NOT NULL,
    PRIMARY KEY (prospect_id, action)
);

-- The mail is a command of the notify executor, which the relay puts into its topic.
ALTER TABLE outbox DROP CONSTRAINT outbox_aggregatetype_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_aggregatetype_check
    CHECK (aggregatetype IN ('interactions', 'definitions', 'replay', 'commands.webhook', 'commands.notify'));
