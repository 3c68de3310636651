-- migrate:up

-- The mails that were rendered here, for a feed of a mail server that tells what became of one. `id` is what tokens and
-- Message-IDs name a mail by: of a mail that an action sends, the command's.
CREATE TABLE mails (
    id          text PRIMARY KEY,
    asset_id    text NOT NULL,
    prospect_id uuid NOT NULL REFERENCES prospects (id) ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX mails_prospect ON mails (prospect_id);
CREATE INDEX mails_created ON mails (created_at);

-- List e-mails that are sent to the members of a list: one command of the email executor for each. `position` is the last member
-- whose command is in the outbox.
CREATE TABLE list_sends (
    id          uuid PRIMARY KEY,
    asset_id    text NOT NULL REFERENCES assets (id),
    list        text NOT NULL REFERENCES lists (id),
    params      jsonb NOT NULL,
    position    uuid,
    queued      integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    queued_at   timestamptz         -- when the last one was
);
CREATE INDEX list_sends_open ON list_sends (created_at) WHERE queued_at IS NULL;

ALTER TABLE outbox DROP CONSTRAINT outbox_aggregatetype_check;
ALTER TABLE outbox ADD CONSTRAINT outbox_aggregatetype_check CHECK (
    aggregatetype IN ('interactions', 'definitions', 'replay', 'commands.webhook', 'commands.notify', 'commands.email'));
