-- migrate:up

-- The newest attempts of one client address and user at any form, refused ones too, oldest first, in Unix milliseconds.
-- A row is locked from counting an attempt to the end of its submission, so all ingest processes count together.
CREATE TABLE spam_windows (
    address  text NOT NULL,                       -- IPv6 by its /64; '' when the client has none
    user_key text NOT NULL,                       -- the key of the e-mail address; '' when the form has none
    times_ms bigint[] NOT NULL,
    PRIMARY KEY (address, user_key)
) WITH (fillfactor = 70);                         -- each attempt writes the row twice: its new forms stay on its page
