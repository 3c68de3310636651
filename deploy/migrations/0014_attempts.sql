-- migrate:up

-- What reaches another system is tried outside of any transaction, under a lease: `lease` grows with every taking and is the
-- fencing token, so that the result of a worker that was thought dead changes nothing. `due_at` is the lease's end meanwhile:
-- one that nobody ends becomes due by itself.
ALTER TABLE deliveries
    ADD COLUMN lease       integer NOT NULL DEFAULT 0,
    ADD COLUMN begun       boolean NOT NULL DEFAULT false,  -- an attempt, whose end nobody knows yet
    ADD COLUMN deadline_at timestamptz;           -- of the whole delivery, from when it is first seen due

DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (executor, destination, due_at) WHERE waits = 0;
CREATE INDEX deliveries_deadline ON deliveries (executor, deadline_at) WHERE waits = 0;

-- What is sent, rendered once: every attempt, a replay's too, sends the same bytes.
CREATE TABLE delivery_requests (
    command_id  uuid PRIMARY KEY,
    prospect_id uuid NOT NULL,
    request     bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX delivery_requests_prospect ON delivery_requests (prospect_id);
CREATE INDEX delivery_requests_created ON delivery_requests (created_at);

-- A row for each time that another system was called. `answer` is the head of what it said.
CREATE TABLE delivery_attempts (
    command_id  uuid NOT NULL,
    number      integer NOT NULL,                 -- the lease
    executor    text NOT NULL,
    destination text NOT NULL,
    prospect_id uuid NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    result      text NOT NULL DEFAULT 'started'
        CHECK (result IN ('started', 'done', 'no_change', 'retry', 'suppressed', 'dead', 'uncertain')),
    status      text,                             -- in the other system's words: '503', 'TooManyRequestsException'
    error       text,
    answer      text,
    reference   text,                             -- the other system's id for it
    PRIMARY KEY (command_id, number)
);
CREATE INDEX delivery_attempts_prospect ON delivery_attempts (prospect_id, executor, started_at);
CREATE INDEX delivery_attempts_started ON delivery_attempts (started_at);
CREATE INDEX delivery_attempts_reference ON delivery_attempts (reference) WHERE reference IS NOT NULL;

-- Destinations that fail, and since when.
CREATE TABLE failing_destinations (
    executor    text NOT NULL,
    destination text NOT NULL,
    since       timestamptz NOT NULL,
    PRIMARY KEY (executor, destination)
);

-- Why something is paused, where it was not a person who did it.
ALTER TABLE pauses ADD COLUMN reason text;
