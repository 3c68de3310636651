"""The outbox into the log: what is committed is published, in order per prospect, and deleted after its acknowledgement."""
