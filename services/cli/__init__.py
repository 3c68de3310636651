"""The `finish` command: send interactions, ask why, prepare topics, examine a deployment, handle dead letters.

It speaks to the HTTP APIs like any client; only what operates a deployment (`topics`, `doctor`) reaches the broker and the
database, and it is the only service that may use `deploy`. Tables and JSON go to stdout, everything else to stderr.
"""
