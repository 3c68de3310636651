-- What the links of mails lead to, and who wants no more of them.

-- name: link
SELECT asset_id, url FROM mail_links WHERE id = $1

-- name: lock
SELECT consent, lists ->> $2 AS status FROM prospects WHERE id = $1 FOR UPDATE

-- name: leave_all
UPDATE prospects SET consent = 'unsubscribed' WHERE id = $1

-- name: leave_list
UPDATE prospects SET lists = lists || jsonb_build_object($2::text, 'unsubscribed') WHERE id = $1
