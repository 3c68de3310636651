"""What mail services tell of mails, in each one's own words: proven to be theirs, and read."""
