-- migrate:up

-- What makes a list e-mail a template that `send_email` can send: the asset's settings hold what the marketer wrote, and here is
-- what the save made of it. A mail's interactions have the asset as their subject, and set off its action list.
CREATE TABLE templates (
    id         text PRIMARY KEY REFERENCES assets (id),
    version    integer NOT NULL DEFAULT 1,
    sender     jsonb,                             -- {email, name}, "owner", or null: the workspace's
    reply_to   jsonb,                             -- the same; null: none
    html_ready text,                              -- with its styles in its elements; null: a mail of text alone
    text_ready text NOT NULL,                     -- the marketer's, or made from the HTML
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Where links of mails lead, by the id that their tokens name: nobody is sent anywhere else. They never expire.
CREATE TABLE mail_links (
    id         uuid PRIMARY KEY,                  -- UUIDv5 of asset and url
    asset_id   text NOT NULL,
    url        text NOT NULL CHECK (url ~ '^https?://'),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
