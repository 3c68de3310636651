-- migrate:up

-- Submissions of forms that ask new addresses to confirm, until whoever has the address does: nobody's record yet, and no
-- interaction. `id` is the interaction's, `prospect_id` the record's that it makes, so that who erases that one finds what is left.
CREATE TABLE held_submissions (
    id           uuid PRIMARY KEY,
    form_id      text NOT NULL REFERENCES assets (id),
    email        text NOT NULL,
    prospect_id  uuid NOT NULL,
    "values"     jsonb NOT NULL,
    data         jsonb NOT NULL,
    submitted_at timestamptz NOT NULL,
    mailed_at    timestamptz          -- when its mail is to leave; null: the mail of an earlier one of the address tells
);
CREATE INDEX held_submissions_email ON held_submissions (text_key(email), submitted_at);
CREATE INDEX held_submissions_prospect ON held_submissions (prospect_id);
CREATE INDEX held_submissions_mailed ON held_submissions (form_id, mailed_at DESC) WHERE mailed_at IS NOT NULL;
CREATE INDEX held_submissions_submitted ON held_submissions (submitted_at);
