-- migrate:up

-- What reaches outside is delivered by workers and not by whoever reads the command: it may have to wait for its time, for the
-- record commands ahead of it, for a destination. The ledger's row says how the command stands; here is the work, gone when
-- it is done. `value` is the record as it came, for the worker and, should it end dead, for the dead letter.
CREATE TABLE deliveries (
    command_id  uuid PRIMARY KEY,
    executor    text NOT NULL,
    destination text NOT NULL,                    -- its lane: what is slow or dead there delays nothing elsewhere
    type        text NOT NULL,
    action      text NOT NULL,                    -- '<asset id>/<action id>', as a pause names it
    prospect_id uuid NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    "offset"    bigint NOT NULL,
    key         bytea,
    value       bytea NOT NULL,
    replay_of   uuid,                             -- the dead letter that it is the replay of
    due_at      timestamptz NOT NULL,             -- not to be tried before
    waits       integer NOT NULL,                 -- for so many commands: its rows of `delivery_waits`
    held        integer NOT NULL,                 -- so many of these are dead
    attempts    integer NOT NULL DEFAULT 0
);
CREATE INDEX deliveries_due ON deliveries (executor, due_at) WHERE waits = 0;
CREATE INDEX deliveries_prospect ON deliveries (prospect_id);

-- A row for each command that a delivery waits for. `hold`: a dead one holds it until that one is replayed or deleted.
CREATE TABLE delivery_waits (
    after_id   uuid NOT NULL,
    command_id uuid NOT NULL REFERENCES deliveries (command_id) ON DELETE CASCADE,
    hold       boolean NOT NULL,
    dead       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (after_id, command_id)
);
CREATE INDEX delivery_waits_command ON delivery_waits (command_id);

-- Lets go what waits for commands that have ended, in the transaction that ends them. Behind a dead one goes on what does not
-- mind; the others are held.
CREATE FUNCTION release_deliveries(ids uuid[], died boolean[]) RETURNS void LANGUAGE sql AS $$
    WITH ended AS (
        SELECT * FROM unnest(ids, died) AS e (command_id, dead)
    ), gone AS (
        DELETE FROM delivery_waits w USING ended e
        WHERE w.after_id = e.command_id AND NOT (e.dead AND w.hold)
        RETURNING w.command_id, 1 AS waits, w.dead::integer AS held
    ), stuck AS (
        UPDATE delivery_waits w SET dead = true FROM ended e
        WHERE w.after_id = e.command_id AND e.dead AND w.hold AND NOT w.dead
        RETURNING w.command_id, 0 AS waits, -1 AS held
    ), fewer AS (
        SELECT command_id, sum(waits)::integer AS waits, sum(held)::integer AS held
        FROM (SELECT * FROM gone UNION ALL SELECT * FROM stuck) AS changed
        GROUP BY command_id
    ), freed AS (
        UPDATE deliveries d SET waits = d.waits - f.waits, held = d.held - f.held
        FROM fewer f WHERE d.command_id = f.command_id
        RETURNING d.command_id, d.held, d.due_at
    )
    UPDATE command_ledger l
    SET state = CASE WHEN f.held > 0 THEN 'held' WHEN f.due_at > clock_timestamp() THEN 'deferred' ELSE 'waiting' END
    FROM freed f WHERE l.command_id = f.command_id
$$;

-- Effects inside the workspace: exactly once, for they are committed with the end of their command --------------------------

CREATE TABLE tasks (
    id          uuid PRIMARY KEY,                 -- the command's
    prospect_id uuid NOT NULL REFERENCES prospects (id) ON DELETE CASCADE,
    lead_id     uuid,
    title       text NOT NULL,
    body        text,
    due_at      timestamptz NOT NULL,
    assignee    text NOT NULL REFERENCES users (id),
    priority    text NOT NULL CHECK (priority IN ('low', 'normal', 'high')),
    dedupe_key  text,
    status      text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done')),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX tasks_prospect ON tasks (prospect_id, created_at);
CREATE INDEX tasks_assignee ON tasks (assignee);
CREATE UNIQUE INDEX tasks_open ON tasks (prospect_id, dedupe_key) WHERE status = 'open' AND dedupe_key IS NOT NULL;

CREATE TABLE notices (
    id          uuid PRIMARY KEY,                 -- of the command and the user
    command_id  uuid NOT NULL,
    prospect_id uuid NOT NULL REFERENCES prospects (id) ON DELETE CASCADE,
    user_id     text NOT NULL REFERENCES users (id),
    subject     text,
    text        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    read_at     timestamptz
);
CREATE INDEX notices_user ON notices (user_id, created_at);
CREATE INDEX notices_prospect ON notices (prospect_id, created_at);

CREATE TABLE teams (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE team_members (
    team_id text NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id text NOT NULL REFERENCES users (id),
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_user ON team_members (user_id);
