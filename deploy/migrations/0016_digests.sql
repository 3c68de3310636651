-- migrate:up

-- A notice may stand for several: of one action about one prospect, within the action's digest window.
ALTER TABLE notices
    ADD COLUMN action text,                       -- '<asset id>/<action id>'
    ADD COLUMN count  integer NOT NULL DEFAULT 1;
