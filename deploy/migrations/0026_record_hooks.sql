-- migrate:up

-- How to read what a CRM sends of its records: JSON pointers (RFC 6901), those of `mapping` by fields of the catalogue.
CREATE TABLE record_hooks (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    records     text NOT NULL,
    external_id text,
    email       text,
    opted_out   text,
    mapping     jsonb NOT NULL,
    updated_at  timestamptz NOT NULL,
    CHECK (external_id IS NOT NULL OR email IS NOT NULL)
);
