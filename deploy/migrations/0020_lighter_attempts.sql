-- migrate:up

-- A delivery carries its attempt while it is under way, and the request that it sends: what is written down elsewhere is attempts
-- that have ended, and the requests of dead letters.
ALTER TABLE deliveries
    ADD COLUMN begun_at timestamptz,    -- of an attempt whose end nobody knows yet
    ADD COLUMN request  bytea;          -- from the first attempt on
UPDATE deliveries SET begun_at = now() WHERE begun;
ALTER TABLE deliveries DROP COLUMN begun;
