-- migrate:up

-- On what grounds somebody who had unsubscribed from a list was put on it again, each time.
CREATE TABLE resubscriptions (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    prospect_id uuid NOT NULL REFERENCES prospects (id) ON DELETE CASCADE,
    list        text NOT NULL,
    evidence    text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX resubscriptions_prospect ON resubscriptions (prospect_id, created_at);
