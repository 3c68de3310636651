-- migrate:up

-- Decisions come in the order of their time, so the old ones lie together: a small index finds them.
CREATE INDEX decisions_age ON decisions USING brin (recordedtime) WITH (autosummarize = on);
