-- migrate:up

-- The nonces of forms with which something was submitted: sent again, it is answered as the first time, and is no other one.
CREATE TABLE form_nonces (
    id           uuid PRIMARY KEY,
    submitted_at timestamptz NOT NULL
);
CREATE INDEX form_nonces_submitted ON form_nonces (submitted_at);
