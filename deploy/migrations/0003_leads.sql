-- migrate:up

-- One lead per prospect, which stays; its id is computed from the prospect's, so converting twice gives the same.
CREATE TABLE leads (
    id          uuid PRIMARY KEY,
    prospect_id uuid NOT NULL UNIQUE REFERENCES prospects (id) ON DELETE CASCADE,
    status      text NOT NULL,
    owner       text REFERENCES users (id),
    source      text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX leads_owner ON leads (owner);
