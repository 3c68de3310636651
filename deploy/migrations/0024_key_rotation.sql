-- migrate:up

ALTER TABLE api_keys
    ADD COLUMN previous_hash bytea UNIQUE,      -- of the secret before this one, which still opens while it is here
    ADD COLUMN rate_per_s    integer CHECK (rate_per_s > 0);
