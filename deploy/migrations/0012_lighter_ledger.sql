-- migrate:up

-- Every command writes a ledger row and few are ever looked for: what is only asked for ranges of time, or for commands
-- that wait, need not be in a B-tree with all the others.

-- Rows are appended as they are settled; retention asks for the old ones.
DROP INDEX command_ledger_settled;
CREATE INDEX command_ledger_settled ON command_ledger USING brin (settled_at) WITH (pages_per_range = 32);

-- An erasure asks for the commands that wait.
DROP INDEX command_ledger_prospect;
CREATE INDEX command_ledger_waiting ON command_ledger (prospect_id)
    WHERE state IN ('waiting', 'held', 'retrying', 'deferred');
