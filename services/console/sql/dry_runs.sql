-- What a dry run judges.

-- name: record
-- A record with its values as a snapshot would hold them.
SELECT prospects.*, prospect_values(prospects) AS snapshot FROM prospects WHERE id = $1
