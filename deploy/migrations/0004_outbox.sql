-- migrate:up

-- Ingest asks whether records of one prospect still wait: what follows them must wait behind them.
CREATE INDEX outbox_aggregate ON outbox (aggregateid);

-- Rows live for milliseconds: clean up by their number, not by a share of a table that is empty most of the time.
ALTER TABLE outbox SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000
);
