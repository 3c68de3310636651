"""Ingest: HTTP in, interactions out. A 2xx to a post means that it is durable: in the log, or committed to the outbox."""
