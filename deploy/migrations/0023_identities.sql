-- migrate:up

-- What prospects are known by besides their address: ids of other systems, and marks of browsers that were bound to somebody.
CREATE TABLE prospect_identities (
    kind        text NOT NULL CHECK (kind IN ('external', 'anonymous')),
    value       text NOT NULL,
    prospect_id uuid NOT NULL REFERENCES prospects (id) ON DELETE CASCADE,
    bound_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, value)
);
CREATE INDEX prospect_identities_prospect ON prospect_identities (prospect_id);
