-- migrate:up

-- A snapshot carries a record's values, and those before the change: both must fit a record of the log. What would grow past
-- it is refused here, whoever writes: a client's call with 422, a command as dead. Records that are larger already stay until
-- they are written next.
ALTER TABLE prospects ADD CONSTRAINT prospects_size CHECK (
    octet_length(fields::text) + octet_length(tags::text) + octet_length(lists::text) <= 196608
) NOT VALID;
